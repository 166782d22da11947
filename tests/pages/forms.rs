//! The forms of a report: the page's skeleton, Markdown, JSON and its schema, and equal bytes for equal runs.

use std::fs;
use std::path::Path;

/// The texts of the page's headings, captions and summaries, in order.
fn skeleton(page: &str) -> String {
    let mut lines = Vec::new();
    for part in page.split('<').skip(1) {
        let Some((tag, text)) = part.split_once('>') else { continue };
        let name = tag.split(' ').next().unwrap_or_default();
        let is_outline = matches!(name, "title" | "h1" | "h2" | "h3" | "figcaption" | "caption" | "summary");
        if is_outline && !text.trim().is_empty() {
            lines.push(format!("{name}: {text}"));
        }
    }
    lines.join("\n")
}

#[test]
fn a_page_has_its_parts_in_order() {
    let folder = tempfile::tempdir().unwrap();
    crate::stillready(folder.path(), &["run", "smoke", "--format", "html,markdown", "-q"]);
    let page = fs::read_to_string(folder.path().join("reports/smoke/report.html")).unwrap();
    insta::assert_snapshot!("skeleton", skeleton(&page));
    insta::assert_snapshot!("markdown", fs::read_to_string(folder.path().join("reports/smoke/report.md")).unwrap());
}

#[test]
fn nothing_in_a_page_leads_elsewhere_and_no_name_becomes_markup() {
    let folder = crate::reports();
    for page in ["reports/report.html", "reports/nasty/report.html"] {
        let page = fs::read_to_string(folder.path().join(page)).unwrap();
        for forbidden in ["<script", "<img", "url(", "@import", "style=\"", "http-equiv=\"refresh"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        let links = page.match_indices("href=\"").map(|(place, _)| &page[place + 6..place + 7]);
        assert!(links.clone().all(|first| first == "#"), "{:?}", links.collect::<Vec<_>>());
        assert!(
            page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && page.contains("&lt;b&gt;bold&lt;/b&gt; &amp;")
        );
    }
    let markdown = fs::read_to_string(folder.path().join("reports/report.md")).unwrap();
    assert!(markdown.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && !markdown.contains("<script"), "{markdown}");
    assert!(markdown.contains(r#""&gt;&lt;img src=x onerror=alert(2)&gt;\|\*\_\`"#), "{markdown}");
}

#[test]
fn the_json_is_of_its_schema_and_of_no_other() {
    let folder = crate::reports();
    let schema = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/report.json")).unwrap();
    let schema = jsonschema::validator_for(&serde_json::from_slice(&schema).unwrap()).unwrap();
    for name in
        ["report.json", "nasty/report.json", "two-workers/report.json", "smoke/report.json", "choice-sweep/report.json"]
    {
        let text = fs::read(folder.path().join("reports").join(name)).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let errors: Vec<_> =
            schema.iter_errors(&json).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
        if json["runs"].as_array().unwrap().is_empty() {
            assert!(!json["sweeps"][0]["cells"].as_array().unwrap().is_empty(), "{name} is about nothing");
            continue;
        }
        let mut wrong = json.clone();
        wrong["runs"][0]["summary"][0]["uploads"] = (-1).into();
        assert!(!schema.is_valid(&wrong));
        let mut wrong = json.clone();
        wrong["runs"][0]["summary"][0]["more"] = 1.into();
        assert!(!schema.is_valid(&wrong));
        let mut wrong = json;
        wrong["schema_version"] = 2.into();
        assert!(!schema.is_valid(&wrong));
    }
}

#[test]
fn equal_runs_give_equal_pages_whatever_the_number_of_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let page = |jobs: &str, form: &str| {
        let arguments =
            ["run", "smoke", "--replications", "3", "--format", "html,markdown,json", "-q", "-o", jobs, "-j", jobs];
        crate::stillready(folder.path(), &arguments);
        fs::read(folder.path().join(jobs).join("smoke").join(form)).unwrap()
    };
    for form in ["report.html", "report.md", "report.json"] {
        assert!(page("1", form) == page("3", form), "{form} differs");
    }
}
