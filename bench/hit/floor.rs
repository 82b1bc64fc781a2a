//! What the system itself needs for the stages of a hit, in microseconds; paths come on stdin.
//!
//! floor spawn ROUNDS PROGRAM [ARGUMENT…]       one start and end of a program
//! floor parallel CALLERS ROUNDS PROGRAM […]    calls a second of so many callers; {} is the caller
//! floor stat ROUNDS                            of one file
//! floor link|copy ROUNDS DIRECTORY             of one file into it

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words[0].as_str() {
        "spawn" => {
            let rounds = number(&words[1]);
            report((0..rounds).map(|_| timed(|| call(&words[2..], 0))).collect());
        }
        "parallel" => {
            let (callers, rounds) = (number(&words[1]), number(&words[2]));
            let started = Instant::now();
            thread::scope(|scope| {
                for caller in 0..callers {
                    let command = &words[3..];
                    scope.spawn(move || (0..rounds).for_each(|_| call(command, caller)));
                }
            });
            let calls = (callers * rounds) as f64;
            println!("{:.1}", calls / started.elapsed().as_secs_f64());
        }
        "stat" => each_file(number(&words[1]), |path, _| {
            fs::metadata(path).expect("stat");
        }),
        "link" | "copy" => {
            let into = PathBuf::from(&words[2]);
            let link = words[0] == "link";
            each_file(number(&words[1]), |path, index| {
                let to = into.join(index.to_string());
                let _ = fs::remove_file(&to);
                if link {
                    fs::hard_link(path, &to).expect("link");
                } else {
                    fs::copy(path, &to).expect("copy");
                }
            });
        }
        other => panic!("no floor for {other}"),
    }
}

fn number(word: &str) -> usize {
    word.parse().expect("a number")
}

fn call(words: &[String], caller: usize) {
    let filled = |word: &String| word.replace("{}", &caller.to_string());
    let status = Command::new(filled(&words[0]))
        .args(words[1..].iter().map(filled))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .status()
        .expect("start");
    assert!(status.success(), "{words:?}");
}

fn each_file(rounds: usize, work: impl Fn(&Path, usize)) {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).expect("paths");
    let paths: Vec<&Path> = text.lines().map(Path::new).collect();
    let mut times = Vec::new();
    for _ in 0..rounds {
        for (index, path) in paths.iter().enumerate() {
            times.push(timed(|| work(path, index)));
        }
    }
    report(times);
}

fn timed(work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    started.elapsed().as_secs_f64() * 1e6
}

/// Median and mean.
fn report(mut times: Vec<f64>) {
    times.sort_by(f64::total_cmp);
    let mean = times.iter().sum::<f64>() / times.len() as f64;
    println!("{:.1} {:.1}", times[times.len() / 2], mean);
}
