fn main() {
    println!("{}", anchor::DIRECTORY);
    println!("{}", plain::last_part(anchor::DIRECTORY));
    println!("{:016x}", anchor::FINGERPRINT);
    println!("{}", anchor::generated_file().display());
}
