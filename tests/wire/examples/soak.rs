use deploy_action_test_wire::*;
fn main() {
    let mut a = std::env::args().skip(1);
    let program: std::path::PathBuf = a.next().unwrap().into();
    let from: u64 = a.next().unwrap().parse().unwrap();
    let to: u64 = a.next().unwrap().parse().unwrap();
    let r = Registry::start(
        if a.next().as_deref() == Some("2") {
            Edition::Two
        } else {
            Edition::Three
        },
        &Access::Open,
    );
    let s = soak(&program, r.address(), from..to, || true);
    for (n, c) in &s.failed {
        println!("--- {n} {c}")
    }
    for (n, c) in &s.wrong {
        println!("=== seed {n}: {c}")
    }
    println!(
        "published {} failed {} bad {}",
        s.published,
        s.failed.len(),
        s.wrong.len()
    );
}
