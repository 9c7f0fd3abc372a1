use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const CALLS: [&str; 14] = [
    "ApplyResourceChange",
    "ConfigureProvider",
    "GetFunctions",
    "GetMetadata",
    "GetProviderSchema",
    "ImportResourceState",
    "MoveResourceState",
    "PlanResourceChange",
    "ReadDataSource",
    "ReadResource",
    "UpgradeResourceState",
    "ValidateDataResourceConfig",
    "ValidateProviderConfig",
    "ValidateResourceConfig",
];

fn service(folder: &TempDir) -> Service {
    let options = ServiceOptions {
        address: "registry.terraform.io/rackerlabs/spot".to_owned(),
        state: folder.path().join("cloud.json"),
        faults: None,
        given: None,
        variables: BTreeMap::new(),
    };
    Service::new(options).expect("there is one")
}

fn answer(service: &Service, method: &str, request: &[u8]) -> Result<Vec<u8>, Status> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(service.answer(method, request))
}

/// A request that names a resource and gives a state, twice over as a plan and an apply have them.
fn request(kind: &str, state: &[u8]) -> Vec<u8> {
    let state = Message::default().bytes(1, state);
    let request = Message::default().text(1, kind);
    (2..=4)
        .fold(request, |request, field| request.message(field, &state))
        .into_bytes()
}

#[test]
fn a_call_that_there_is_not_is_refused_as_grpc_refuses_it() {
    let folder = TempDir::new().expect("a folder");
    let service = service(&folder);
    for method in ["OpenEphemeralResource", "CallFunction", "Wrong"] {
        let status = answer(&service, method, b"").expect_err("there is none");
        assert!(format!("{status:?}").contains("code: 12"), "{status:?}");
    }
}

#[test]
fn a_resource_that_the_stand_in_lacks_is_named() {
    let folder = TempDir::new().expect("a folder");
    let service = service(&folder);
    let answer = answer(
        &service,
        "PlanResourceChange",
        &request("spot_server", b"\xc0"),
    );
    let answer = answer.expect("an answer");
    let problem = Fields::read(&answer).and_then(|fields| fields.message(4));
    assert_eq!(
        problem.expect("a problem").text(3),
        Ok(
            "No stand-in provider has a resource `spot_server`. The schema holds what the rehearsed systems use."
        )
    );
}

#[test]
fn what_terraform_configures_is_held_and_not_written() {
    let folder = TempDir::new().expect("a folder");
    let service = service(&folder);
    let config = Message::default().bytes(1, b"\x81\xa5token\xa6canary");
    let request = Message::default().message(2, &config).into_bytes();
    assert_eq!(
        answer(&service, "ConfigureProvider", &request).expect("an answer"),
        b""
    );
    assert_eq!(service.config().get("token").as_str(), Some("canary"));
    assert_eq!(folder.path().read_dir().expect("a folder").count(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_request_is_too_much(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let folder = TempDir::new().expect("a folder");
        let service = service(&folder);
        for method in CALLS {
            drop(answer(&service, method, &bytes));
            drop(answer(&service, method, &request("spot_cloudspace", &bytes)));
            drop(answer(&service, method, &request("spot_kubeconfig", &bytes)));
        }
    }

    #[test]
    fn no_state_that_leaves_things_out_is_too_much(names in proptest::collection::btree_set("(region|name|bids|timeouts|id)", 0..5)) {
        let folder = TempDir::new().expect("a folder");
        let service = service(&folder);
        let members = names.into_iter().map(|name| (name, Value::UNKNOWN));
        let state = msgpack::encode(&Value::Members(members.collect()));
        for method in CALLS {
            drop(answer(&service, method, &request("spot_cloudspace", &state)));
        }
    }
}
