//! Pushing, mounting, reading and deleting blobs.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{
    super::content_digest::{Algorithm, ContentDigest},
    world::{World, answered, sha256},
};

#[tokio::test]
async fn a_blob_pushed_at_once_is_read_whole_and_in_parts() {
    let world = World::new();
    let digest = world.push_blob("acme/api", b"0123456789").await;
    let path = format!("/v2/acme/api/blobs/{digest}");

    let head = world.send("HEAD", &path).await;
    assert_eq!((head.status, head.header("content-length")), (200, "10"));
    assert_eq!(head.header("docker-content-digest"), digest);
    assert_eq!(head.body, b"");

    let get = world.send("GET", &path).await;
    assert_eq!(
        (get.status, get.body.as_slice()),
        (200, b"0123456789".as_slice())
    );

    let part = answered(world.request("GET", &path).header("Range", "bytes=2-4")).await;
    assert_eq!(
        (part.status, part.body.as_slice()),
        (206, b"234".as_slice())
    );
    assert_eq!(part.header("content-range"), "bytes 2-4/10");

    let beyond = answered(world.request("GET", &path).header("Range", "bytes=10-")).await;
    assert_eq!(
        (beyond.status, beyond.header("content-range")),
        (416, "bytes */10")
    );
}

#[tokio::test]
async fn a_blob_whose_digest_differs_is_refused_and_leaves_nothing() {
    let world = World::new();
    let digest = sha256(b"something else");
    let at_once = format!("/v2/acme/api/blobs/uploads/?digest={digest}");
    let answer = world.send_body("POST", &at_once, b"content").await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (400, "DIGEST_INVALID")
    );

    let location = world.begin_upload("acme/api").await;
    let put = format!("{location}?digest={digest}");
    assert_eq!(world.send_body("PUT", &put, b"content").await.status, 400);
    assert_eq!(
        world.send("GET", &location).await.code(),
        "BLOB_UPLOAD_UNKNOWN"
    );

    let malformed = world
        .send("POST", "/v2/a/blobs/uploads/?digest=md5:00")
        .await;
    assert_eq!(malformed.code(), "DIGEST_INVALID");
    let path = format!("/v2/acme/api/blobs/{digest}");
    assert_eq!(world.send("GET", &path).await.code(), "BLOB_UNKNOWN");
}

#[tokio::test]
async fn an_upload_in_chunks_takes_them_in_order_only() {
    let world = World::new();
    let location = world.begin_upload("acme/api").await;
    let first = world.send_chunk(&location, "0-3", b"0123").await;
    assert_eq!((first.status, first.header("range")), (202, "0-3"));

    for gap in ["5-6", "0-1", "3-4"] {
        let refused = world.send_chunk(&location, gap, b"xx").await;
        assert_eq!(
            (refused.status, refused.header("range")),
            (416, "0-3"),
            "{gap}"
        );
    }
    for (range, body) in [("4-5", b"xxx".as_slice()), ("bytes 4-6/7", b"456")] {
        assert_eq!(
            world.send_chunk(&location, range, body).await.status,
            400,
            "{range}"
        );
    }

    let status = world.send("GET", &location).await;
    assert_eq!((status.status, status.header("range")), (204, "0-3"));
    assert_eq!(status.header("location"), location);

    let digest = sha256(b"0123456");
    let put = format!("{location}?digest={digest}");
    let request = world.request("PUT", &put).header("Content-Range", "4-6");
    let created = answered(request.body("456")).await;
    assert_eq!(created.status, 201, "{created:?}");
    let blob = world.send("GET", created.header("location")).await;
    assert_eq!(blob.body, b"0123456");
}

#[tokio::test]
async fn a_chunk_shorter_than_its_range_is_taken_back() {
    let world = World::new();
    let location = world.begin_upload("acme/api").await;
    // Without a Content-Length only the body itself shows the difference.
    let pieces = futures_util::stream::iter([Ok::<_, std::io::Error>("012")]);
    let request = world
        .request("PATCH", &location)
        .header("Content-Range", "0-9");
    let refused = answered(request.body(reqwest::Body::wrap_stream(pieces))).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (400, "SIZE_INVALID")
    );
    let digest = sha256(b"abc");
    let put = format!("{location}?digest={digest}");
    assert_eq!(world.send_body("PUT", &put, b"abc").await.status, 201);
}

#[tokio::test]
async fn a_stream_without_a_range_is_appended_and_finished_without_a_body() {
    let world = World::new();
    let location = world.begin_upload("acme/api").await;
    let pieces = ["one ", "two ", "three"].map(Ok::<_, std::io::Error>);
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    let patched = answered(world.request("PATCH", &location).body(body)).await;
    assert_eq!((patched.status, patched.header("range")), (202, "0-12"));
    let digest = sha256(b"one two three");
    let created = world
        .send("PUT", &format!("{location}?digest={digest}"))
        .await;
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(created.header("docker-content-digest"), digest);
}

#[tokio::test]
async fn a_broken_connection_loses_nothing_that_had_come() {
    let world = World::new();
    let location = world.begin_upload("acme/api").await;
    let mut connection = TcpStream::connect(world.registry.address())
        .await
        .expect("a connection");
    let part = format!("PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n0123");
    connection
        .write_all(part.as_bytes())
        .await
        .expect("a sent part");
    connection
        .shutdown()
        .await
        .expect("a half-closed connection");
    // The server closes its half once it is done with the request.
    let mut rest = Vec::new();
    connection.read_to_end(&mut rest).await.expect("an end");

    let status = world.send("GET", &location).await;
    assert_eq!((status.status, status.header("range")), (204, "0-3"));
    let resumed = world.send_chunk(&location, "4-9", b"456789").await;
    assert_eq!((resumed.status, resumed.header("range")), (202, "0-9"));
    let put = format!("{location}?digest={}", sha256(b"0123456789"));
    assert_eq!(world.send("PUT", &put).await.status, 201);
}

#[tokio::test]
async fn an_empty_blob_is_a_blob() {
    let world = World::new();
    let digest = sha256(b"");
    let location = world.begin_upload("acme/api").await;
    let created = world
        .send("PUT", &format!("{location}?digest={digest}"))
        .await;
    assert_eq!(created.status, 201);
    let read = world
        .send("GET", &format!("/v2/acme/api/blobs/{digest}"))
        .await;
    assert_eq!((read.status, read.header("content-length")), (200, "0"));
}

#[tokio::test]
async fn an_upload_that_is_given_up_is_unknown_afterwards() {
    let world = World::new();
    let location = world.begin_upload("acme/api").await;
    assert_eq!(world.send("DELETE", &location).await.status, 204);
    for method in ["GET", "DELETE", "PATCH"] {
        let answer = world.send(method, &location).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (404, "BLOB_UPLOAD_UNKNOWN")
        );
    }
    let strange = world
        .send("GET", "/v2/acme/api/blobs/uploads/..%2F..%2Fsecret")
        .await;
    assert_eq!(strange.status, 404);
}

#[tokio::test]
async fn a_second_writer_of_one_upload_is_turned_away() {
    let world = World::new();
    let location = world.begin_upload("acme/api").await;
    let session = location.rsplit('/').next().expect("a session");
    let path = world
        .path()
        .join("repositories/acme/api/_uploads")
        .join(session);
    let file = std::fs::File::open(path).expect("the session's file");
    file.lock().expect("nobody else holds it");
    let refused = world.send_body("PATCH", &location, b"x").await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (409, "BLOB_UPLOAD_INVALID")
    );
    drop(file);
    assert_eq!(world.send_body("PATCH", &location, b"x").await.status, 202);
}

#[tokio::test]
async fn a_mount_links_what_another_repository_holds_and_else_begins_an_upload() {
    let world = World::new();
    let digest = world.push_blob("acme/base", b"layer").await;
    for query in [
        format!("mount={digest}&from=acme/base"),
        format!("mount={digest}"),
    ] {
        let path = format!("/v2/acme/api/blobs/uploads/?{query}");
        let mounted = world.send("POST", &path).await;
        assert_eq!(mounted.status, 201, "{query}");
        let blob = mounted.header("location").to_owned();
        assert_eq!(world.send("GET", &blob).await.body, b"layer");
        assert_eq!(world.send("DELETE", &blob).await.status, 202);
        assert_eq!(world.send("GET", &blob).await.status, 404);
    }
    let elsewhere = format!("/v2/acme/api/blobs/uploads/?mount={digest}&from=acme/other");
    let begun = world.send("POST", &elsewhere).await;
    assert_eq!(begun.status, 202);
    assert!(begun.header("location").contains("/blobs/uploads/"));
    let source = format!("/v2/acme/base/blobs/{digest}");
    assert_eq!(world.send("GET", &source).await.status, 200);
}

#[tokio::test]
async fn content_in_sha512_is_kept_under_that_digest() {
    let world = World::new();
    let digest = ContentDigest::of(Algorithm::Sha512, b"content").to_string();
    let location = world.begin_upload("acme/api").await;
    world.send_chunk(&location, "0-2", b"con").await;
    let put = format!("{location}?digest={digest}");
    assert_eq!(world.send_body("PUT", &put, b"tent").await.status, 201);
    let read = world
        .send("GET", &format!("/v2/acme/api/blobs/{digest}"))
        .await;
    assert_eq!(read.body, b"content");
    let as_sha256 = format!("/v2/acme/api/blobs/{}", sha256(b"content"));
    assert_eq!(world.send("GET", &as_sha256).await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_clients_push_the_same_and_different_blobs_at_once() {
    let world = World::new();
    let pushes = (0..40_u8).map(|number| {
        let world = &world;
        async move {
            world
                .push_blob("acme/api", &vec![number % 8; 100_000])
                .await
        }
    });
    let digests = futures_util::future::join_all(pushes).await;
    for digest in digests {
        let read = world
            .send("GET", &format!("/v2/acme/api/blobs/{digest}"))
            .await;
        assert_eq!(sha256(&read.body), digest);
    }
    let staged = world
        .path()
        .join("staging")
        .read_dir_utf8()
        .expect("a folder");
    assert_eq!(staged.count(), 0);
}
