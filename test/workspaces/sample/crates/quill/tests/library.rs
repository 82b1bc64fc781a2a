use quill::{archive, load, pens, words, Format};
use quill_value::Schema;

#[test]
fn pens_survive_the_archive() {
    let made = pens::make(200);
    let back = archive(&pens::table(200), "number").unwrap();
    assert_eq!(back.read::<pens::Pen>().unwrap(), made);
    assert_eq!(pens::Pen::COLUMNS[5], "since");
}

#[test]
fn csv_and_json_lines_are_the_same_table() {
    let csv = load("a,b\n1,x\n2.5,y\n", Format::Csv).unwrap();
    let json = load(
        "{\"a\":1,\"b\":\"x\"}\n\n{\"a\":2.5,\"b\":\"y\"}\n",
        Format::JsonLines,
    )
    .unwrap();
    assert!(csv.rows().eq(json.rows()));
    assert!(load("[1]", Format::JsonLines).is_err());
}

#[test]
fn frequent_words_come_first() {
    let top = words(&pens::table(100), "name", 2);
    assert_eq!(top.len(), 2);
    assert!(top[0].1 >= top[1].1);
}

#[test]
fn the_location_is_that_of_the_source() {
    let location = quill::location();
    assert!(
        location.starts_with("crates/quill/src/lib.rs:"),
        "{location}"
    );
}
