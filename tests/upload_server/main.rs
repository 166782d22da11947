//! `examples/upload_server.rs` over real HTTP: what each request is told, under load, with clients that vanish.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a service has real time")]

#[path = "../../examples/upload_server.rs"]
#[expect(dead_code, unreachable_pub, reason = "the example's own main and its commands are not used here")]
mod upload_server;

mod answers;
mod load;
mod program;

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use stillready::registry::Retention;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use upload_server::{Service, Work};

/// The service on a free port of this machine, and a client.
struct Running {
    service: Service,
    address: SocketAddr,
    client: Client,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

impl Running {
    async fn start(retention: Retention, work: Work) -> Running {
        let (service, _done) = Service::new(retention, work);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let closing = service.clone();
        let serving = axum::serve(listener, service.routes()).with_graceful_shutdown(async move {
            let _ = stopped.await;
            closing.close();
        });
        let served = tokio::spawn(async move { serving.await });
        let client = Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
        Running { service, address, client, stop, served }
    }

    async fn get(&self, path: &str) -> Response {
        self.client.get(format!("http://{}{path}", self.address)).send().await.unwrap()
    }

    async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> Response {
        self.client.post(format!("http://{}{path}", self.address)).body(body).send().await.unwrap()
    }

    /// Uploads a file, and returns its id.
    async fn upload(&self, name: &str, body: &str) -> String {
        let response = self.post(&format!("/upload?name={name}"), body.to_owned()).await;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        let location = response.headers()["location"].to_str().unwrap().to_owned();
        let told: Value = response.json().await.unwrap();
        let id = told["id"].as_str().unwrap().to_owned();
        assert_eq!(location, format!("/status/{id}"));
        id
    }

    /// Until so many wait.
    async fn waiting(&self, expected: usize) {
        let reached = async {
            while self.service.registry.registry().waiting() != expected {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), reached).await.expect("so many wait");
    }
}

/// The code and the body of an answer.
async fn told(response: Response) -> (u16, Value) {
    (response.status().as_u16(), response.json().await.unwrap())
}
