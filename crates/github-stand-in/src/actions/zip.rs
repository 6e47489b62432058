//! A ZIP archive of deflated files:
//! <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>

use std::io::Write;

use flate2::{Compression, write::DeflateEncoder};

/// A file of the archive.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Path within the archive.
    pub name: String,
    /// Content.
    pub bytes: Vec<u8>,
}

const LOCAL_HEADER: u32 = 0x0403_4b50;
const CENTRAL_HEADER: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
/// Version 2.0 is needed to unpack; names are UTF-8 (bit 11).
const VERSION: u16 = 20;
const UTF8_NAMES: u16 = 1 << 11;
const DEFLATED: u16 = 8;

/// The archive's bytes.
pub fn archive(entries: &[Entry]) -> Vec<u8> {
    let (mut out, mut central) = (Vec::new(), Vec::new());
    for entry in entries {
        let start = length(out.len());
        let packed = deflated(&entry.bytes);
        let described = description(entry, packed.len());
        out.extend(LOCAL_HEADER.to_le_bytes());
        out.extend(&described);
        out.extend(entry.name.as_bytes());
        out.extend(&packed);
        central.extend(CENTRAL_HEADER.to_le_bytes());
        central.extend(VERSION.to_le_bytes());
        central.extend(&described);
        // Comment length, disk, internal attributes (two bytes each), external attributes (four).
        central.extend([0; 10]);
        central.extend(start.to_le_bytes());
        central.extend(entry.name.as_bytes());
    }
    let (start, size) = (length(out.len()), length(central.len()));
    let count = u16::try_from(entries.len()).unwrap_or(u16::MAX).to_le_bytes();
    out.extend(central);
    out.extend(END.to_le_bytes());
    // This disk, and the one the directory starts on.
    out.extend([0; 4]);
    out.extend(count);
    out.extend(count);
    out.extend(size.to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0; 2]);
    out
}

/// What both headers share: version, flags, method, time, date, checksum, sizes, lengths of name and extra field.
fn description(entry: &Entry, packed: usize) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(&entry.bytes);
    let mut out = Vec::new();
    out.extend(VERSION.to_le_bytes());
    out.extend(UTF8_NAMES.to_le_bytes());
    out.extend(DEFLATED.to_le_bytes());
    // Midnight, 1 January 1980.
    out.extend([0, 0, 0x21, 0]);
    out.extend(crc.sum().to_le_bytes());
    out.extend(length(packed).to_le_bytes());
    out.extend(length(entry.bytes.len()).to_le_bytes());
    out.extend(u16::try_from(entry.name.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend([0; 2]);
    out
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    // Memory takes whatever is written.
    encoder.write_all(bytes).and_then(|()| encoder.finish()).unwrap_or_default()
}

/// Logs stay far below the 4 GiB that the format can say.
fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
