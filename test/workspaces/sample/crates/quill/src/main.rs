use quill::{load, pens, Format};
use quill_report::{Grid, Report};
use quill_value::Table;
use std::error::Error;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
quill QUERY [FILE|-]      answers a query over a CSV or JSON-lines file, or over made-up pens
quill about               versions
quill panic               panics, to show where it stands in the source
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match perform(&arguments) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("quill: {error}");
            ExitCode::FAILURE
        }
    }
}

fn perform(arguments: &[&str]) -> Result<String, Box<dyn Error>> {
    match arguments {
        ["about"] => Ok(format!("{}\n{}\n", quill::about(), quill::location())),
        ["panic"] => panic!("asked to"),
        [] => {
            let report = Report {
                title: "Pens by maker".into(),
                query: "group by maker select maker, count() as pens, avg(price) as mean \
                        order by mean desc"
                    .into(),
                bars: Some(("maker".into(), "mean".into())),
            };
            Ok(report.render(&quill::archive(&pens::table(500), "number")?)?)
        }
        ["help" | "--help" | "-h"] => Ok(USAGE.into()),
        [query] => answer(query, &pens::table(500)),
        [query, "-"] => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text)?;
            answer(query, &load(&text, Format::Csv)?)
        }
        [query, file] => {
            let path = Path::new(file);
            let text = std::fs::read_to_string(path).map_err(|error| format!("{file}: {error}"))?;
            answer(query, &load(&text, Format::of(path))?)
        }
        _ => Err(USAGE.into()),
    }
}

fn answer(query: &str, table: &Table) -> Result<String, Box<dyn Error>> {
    Ok(Grid::new(&quill_query::run(query, table)?).to_string())
}
