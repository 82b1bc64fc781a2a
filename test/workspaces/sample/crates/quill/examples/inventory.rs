//! `cargo run --example inventory`: words, histogram, sealed archive.

use quill::{archive, histogram, pens, words};

fn main() {
    let table = pens::table(300);
    for (word, count) in words(&table, "name", 4) {
        println!("{count:>5} {word}");
    }
    let mut makers: Vec<_> = histogram(&table, "maker").into_iter().collect();
    makers.sort();
    for (maker, count) in makers {
        println!("{count:>5} {maker}");
    }
    let back = archive(&table, "number").expect("what was sealed opens");
    println!("{:>5} rows came back", back.len());
}
