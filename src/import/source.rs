//! Where a log comes from: files or stdin, packed or not.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

/// What gzip begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

const BUFFER: usize = 1 << 16;

/// Opens a log; `-` is stdin.
///
/// # Errors
/// What the system says.
pub fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    if path == Path::new("-") {
        return unpacked(io::stdin());
    }
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
    }
    unpacked(file)
}

/// Unpacks what is packed with gzip, one member after the other.
///
/// # Errors
/// What the source could not do.
pub fn unpacked<'a>(source: impl Read + 'a) -> io::Result<Box<dyn BufRead + 'a>> {
    let mut source = BufReader::with_capacity(BUFFER, source);
    // A pipe may give one byte at first.
    let mut begin = Vec::with_capacity(GZIP.len());
    while begin.len() < GZIP.len() {
        let Some(&byte) = source.fill_buf()?.first() else { break };
        begin.push(byte);
        source.consume(1);
    }
    let is_packed = begin == GZIP;
    let whole = io::Cursor::new(begin).chain(source);
    Ok(if is_packed {
        Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(BufReader::with_capacity(BUFFER, whole))))
    } else {
        Box::new(BufReader::with_capacity(BUFFER, whole))
    })
}
