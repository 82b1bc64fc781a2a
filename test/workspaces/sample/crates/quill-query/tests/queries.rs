use quill_query::{parse, run, Plan};
use quill_value::{Record, Table, Value};

fn pens() -> Table {
    let mut table = Table::new(["maker", "name", "price", "year"]);
    let rows = [
        ("Alpha", "Blue Nib", 12.0, 2019),
        ("Alpha", "Black Nib", 15.0, 2021),
        ("Beta", "Blue Reed", 3.5, 2018),
        ("Gamma", "Red Reed", 4.5, 2021),
        ("Beta", "Quill", 99.0, 1890),
    ];
    for (maker, name, price, year) in rows {
        let mut row = Record::new();
        row.set("maker", Value::from(maker))
            .set("name", Value::from(name));
        row.set("price", Value::from(price))
            .set("year", Value::from(year));
        table.push(row);
    }
    table
}

fn column(table: &Table, name: &str) -> Vec<String> {
    table.rows().map(|row| row.get(name).to_string()).collect()
}

#[test]
fn filters_and_sorts() {
    let answer = run(
        "where name ~ blue or year < 1900 select name order by price",
        &pens(),
    );
    // `blue` without quotes is a column name.
    assert!(answer.unwrap_err().message.contains("no column `blue`"));
    let answer = run(
        "where name ~ 'blue' or year < 1900 select name order by price",
        &pens(),
    );
    assert_eq!(
        column(&answer.unwrap(), "name"),
        ["Blue Reed", "Blue Nib", "Quill"]
    );
}

#[test]
fn groups_and_aggregates() {
    let text = "group by maker select maker, count() as pens, sum(price) / count() as mean \
                order by mean desc limit 2";
    let answer = run(text, &pens()).unwrap();
    assert_eq!(column(&answer, "maker"), ["Beta", "Alpha"]);
    assert_eq!(column(&answer, "mean"), ["51.25", "13.5"]);
}

#[test]
fn names_are_checked_before_anything_runs() {
    let error = run("select prize", &pens()).unwrap_err();
    assert_eq!(error.message, "no column `prize`; did you mean `price`?");
    let error = run("select summ(price)", &pens()).unwrap_err();
    assert_eq!(error.message, "no function `summ`; did you mean `sum`?");
}

#[test]
fn plans_can_be_shown() {
    let query = parse("where price > 4 select name order by year limit 1").unwrap();
    let plan = Plan::new(query, &pens().columns).unwrap();
    assert_eq!(
        plan.to_string(),
        "1. filter (price > 4)\n2. sort by 1 keys\n3. project 1 columns\n4. limit 1\n"
    );
}
