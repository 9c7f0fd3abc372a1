//! Runs inside of a build, alone in its image: proves that it got its secret and its argument, and tells the secret.
use std::{env, fs};

fn main() {
    let secret = fs::read_to_string("/run/secrets/token").expect("the secret is there");
    assert_eq!(env::var("GREETING").as_deref(), Ok("hello"), "the argument");
    println!("the secret is {secret}");
    fs::write("/proved", "yes").expect("the image can be written");
}
