//! Writes the CRC-32 tables (eight of them, for slicing by eight) into OUT_DIR.

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::Path;

const POLYNOMIALS: [(&str, u32); 2] = [("IEEE", 0xedb8_8320), ("CASTAGNOLI", 0x82f6_3b78)];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(wide_tables)");
    println!("cargo:rustc-cfg=wide_tables");
    println!("cargo:rustc-env=QUILL_HASH_TABLES={}", POLYNOMIALS.len());

    let mut code = String::new();
    for (name, polynomial) in POLYNOMIALS {
        let tables = tables(polynomial);
        writeln!(code, "pub static {name}: [[u32; 256]; 8] = [").unwrap();
        for table in tables {
            writeln!(code, "    [").unwrap();
            for row in table.chunks(8) {
                let cells: Vec<_> = row.iter().map(|cell| format!("{cell:#010x}")).collect();
                writeln!(code, "        {},", cells.join(", ")).unwrap();
            }
            writeln!(code, "    ],").unwrap();
        }
        writeln!(code, "];").unwrap();
    }
    let directory = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&directory).join("tables.rs"), code).expect("OUT_DIR is writable");
}

fn tables(polynomial: u32) -> [[u32; 256]; 8] {
    let mut tables = [[0u32; 256]; 8];
    for (byte, cell) in tables[0].iter_mut().enumerate() {
        *cell = (0..8).fold(byte as u32, |crc, _| {
            if crc & 1 == 1 {
                (crc >> 1) ^ polynomial
            } else {
                crc >> 1
            }
        });
    }
    for slice in 1..8 {
        for byte in 0..256 {
            let before = tables[slice - 1][byte];
            tables[slice][byte] = (before >> 8) ^ tables[0][(before & 0xff) as usize];
        }
    }
    tables
}
