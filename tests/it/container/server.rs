//! A small HTTP server at each address of its arguments that tells who it is; built without a dependency and linked statically for an empty image.
use std::{
    env, fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process, thread,
};

fn main() {
    let servers: Vec<_> = env::args()
        .skip(1)
        .filter_map(|argument| argument.strip_prefix("at=").map(str::to_owned))
        .map(|address| thread::spawn(move || serve(&address)))
        .collect();
    for server in servers {
        server.join().expect("a server does not end");
    }
}

fn serve(address: &str) {
    let listener = TcpListener::bind(address).expect("a free port");
    println!("listening on {address}");
    for stream in listener.incoming() {
        answer(stream.expect("a connection"));
    }
}

fn answer(mut stream: TcpStream) {
    let mut buffer = [0; 1024];
    let length = stream.read(&mut buffer).unwrap_or(0);
    let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
    let path = request.split(' ').nth(1).unwrap_or("/").to_owned();
    let body = match path.split_once('?') {
        Some(("/write", file)) => match fs::write(file, "written") {
            Ok(()) => "written".to_owned(),
            Err(error) => error.to_string(),
        },
        Some(("/read", file)) => fs::read_to_string(file).unwrap_or_else(|error| error.to_string()),
        Some(("/list", folder)) => match fs::read_dir(folder) {
            Ok(entries) => entries
                .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
                .collect::<Vec<_>>()
                .join(" "),
            Err(error) => error.to_string(),
        },
        Some(("/env", name)) => env::var(name).unwrap_or_else(|_| "absent".to_owned()),
        Some(("/exit", code)) => {
            eprintln!("leaving with {code}");
            process::exit(code.parse().expect("a code"))
        }
        _ => "ok".to_owned(),
    };
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).ok();
}
