use quill_value::{Date, DeriveRecord, Schema, Table, Value};

#[derive(Clone, Debug, PartialEq, DeriveRecord)]
struct Delivery {
    /// Renamed, because `type` is a keyword.
    #[record(name = "type")]
    kind: String,
    pub(crate) bottles: u32,
    price: Option<f64>,
    day: Date,
    tags: Vec<String>,
    #[record(skip)]
    seen: bool,
}

fn delivery() -> Delivery {
    Delivery {
        kind: "blue-black".into(),
        bottles: 12,
        price: Some(8.5),
        day: "2024-11-05".parse().unwrap(),
        tags: vec!["iron gall".into()],
        seen: false,
    }
}

#[test]
fn columns_follow_the_fields() {
    assert_eq!(
        Delivery::COLUMNS,
        ["type", "bottles", "price", "day", "tags"]
    );
}

#[test]
fn a_table_gives_back_what_it_was_made_of() {
    let items = [
        delivery(),
        Delivery {
            price: None,
            bottles: 0,
            ..delivery()
        },
    ];
    let table = Table::of(&items);
    assert_eq!(table.read::<Delivery>().unwrap(), items);
}

#[test]
fn a_wrong_field_is_named() {
    let mut record = delivery().to_record();
    record.set("bottles", Value::Text("many".into()));
    let error = Delivery::from_record(&record).unwrap_err();
    assert_eq!(error.path(), "bottles");
}
