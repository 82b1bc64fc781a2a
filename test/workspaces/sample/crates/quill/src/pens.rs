//! Made-up data that is the same on every machine.

use quill_derive::Record;
use quill_value::{Date, Table};

#[derive(Clone, Debug, PartialEq, Record)]
pub struct Pen {
    pub number: u32,
    pub maker: String,
    pub name: String,
    pub price: f64,
    pub sold: Option<u32>,
    #[record(name = "since")]
    pub first_sold: Date,
}

const MAKERS: [&str; 5] = ["Alpha", "Beta", "Gamma", "Delta", "Epsilon"];
const COLOURS: [&str; 4] = ["Blue", "Black", "Red", "Green"];
const KINDS: [&str; 3] = ["Nib", "Reed", "Quill"];

pub fn make(count: u32) -> Vec<Pen> {
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut next = move |below: u32| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % u64::from(below)) as u32
    };
    let mut pick = |from: &[&str]| from[next(from.len() as u32) as usize].to_string();
    (0..count)
        .map(|number| {
            let maker = pick(&MAKERS);
            let name = format!("{} {}", pick(&COLOURS), pick(&KINDS));
            let price = f64::from(number * 37 % 400) / 4.0 + 0.5;
            let sold = (number % 7 != 0).then_some(number * 13 % 50);
            Pen {
                number,
                maker,
                name,
                price,
                sold,
                first_sold: Date::from_days(number as i32 * 11),
            }
        })
        .collect()
}

pub fn table(count: u32) -> Table {
    Table::of(&make(count))
}
