/** Small programs around libraries whose build scripts compile C, assembler or generate code. */
export const NATIVE = [
  {
    name: 'with-sqlite',
    version: '0.1.0',
    what: 'rusqlite, bundled: one C file of 250,000 lines',
    edit: 'src/main.rs',
    uses: ['rusqlite = { version = "=0.32.1", features = ["bundled"] }'],
    files: {
      'src/main.rs': `fn answer() -> i64 {
    let db = rusqlite::Connection::open_in_memory().unwrap();
    db.query_row("SELECT 40 + 2", [], |row| row.get(0)).unwrap()
}

fn main() {
    println!("{} by SQLite {}", answer(), rusqlite::version());
}

#[test]
fn answers() {
    assert_eq!(answer(), 42);
}
`,
    },
  },
  {
    name: 'with-openssl',
    version: '0.1.0',
    what: 'openssl-src: perl, make and some thousand C files',
    edit: 'src/main.rs',
    uses: ['openssl = { version = "0.10", features = ["vendored"] }'],
    files: {
      'src/main.rs': `fn digest(text: &str) -> String {
    openssl::sha::sha256(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn main() {
    println!("{} by {}", digest("vrift"), openssl::version::version());
}

#[test]
fn digests() {
    assert!(digest("").starts_with("e3b0c442"));
}
`,
    },
  },
  {
    name: 'with-ring',
    version: '0.1.0',
    what: 'ring: C and assembler',
    edit: 'src/main.rs',
    uses: ['ring = "0.17"'],
    files: {
      'src/main.rs': `fn digest(text: &str) -> Vec<u8> {
    ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref().to_vec()
}

fn main() {
    println!("{:?}", digest("vrift"));
}

#[test]
fn digests() {
    assert_eq!(digest("")[..2], [0xe3, 0xb0]);
}
`,
    },
  },
  {
    name: 'with-protobuf',
    version: '0.1.0',
    what: 'prost: a build script that runs protoc and generates Rust',
    edit: 'src/main.rs',
    uses: ['prost = "0.13"'],
    builds: ['prost-build = "0.13"', 'protoc-bin-vendored = "3"'],
    files: {
      'proto/note.proto':
        'syntax = "proto3";\npackage note;\nmessage Note {\n  string text = 1;\n  repeated int32 pages = 2;\n}\n',
      'build.rs': `fn main() {
    std::env::set_var("PROTOC", protoc_bin_vendored::protoc_bin_path().unwrap());
    prost_build::compile_protos(&["proto/note.proto"], &["proto"]).unwrap();
}
`,
      'src/main.rs': `use prost::Message;

mod note {
    include!(concat!(env!("OUT_DIR"), "/note.rs"));
}

fn bytes() -> Vec<u8> {
    note::Note { text: "vrift".into(), pages: vec![1, 2] }.encode_to_vec()
}

fn main() {
    println!("{:?}", bytes());
}

#[test]
fn comes_back() {
    assert_eq!(note::Note::decode(&bytes()[..]).unwrap().text, "vrift");
}
`,
    },
  },
];
