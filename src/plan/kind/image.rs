//! Kind `image`: builds or assembles an image and publishes it.

use super::body::{BodyError, Reader, literal_texts};
use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    plan::{
        grammar::{
            Exactly, Key, Object, Type,
            table::{MAP_OF_REQUIREMENT, MAP_OF_TEXT, NAMES, NUMBERS, TEXTS},
        },
        model::{Kind, Task},
    },
    secret::Secret,
};

/// Keys of an image.
pub static GRAMMAR: Object = Object {
    what: "an image",
    exactly: &[Exactly {
        of: &["context", "layout", "assemble", "copy"],
        required: true,
        called: "source",
    }],
    keys: &[
        Key::new(
            "context",
            Type::Path,
            "folder that is built by the docker, podman or buildah found",
        )
        .dollar(),
        Key::new("layout", Type::Path, "an OCI layout that is there").dollar(),
        Key::new(
            "assemble",
            Type::Object(&ASSEMBLE),
            "from files, without a daemon",
        ),
        Key::new("copy", Type::Text, "a published reference, with its digest").dollar(),
        Key::new("file", Type::Text, "the Dockerfile")
            .default("Dockerfile in `context`")
            .dollar(),
        Key::new("target", Type::Text, "stage")
            .default("the last")
            .dollar(),
        Key::new("build-args", MAP_OF_TEXT, "build arguments").dollar(),
        Key::new("secrets", MAP_OF_TEXT, "build secrets, by id").secret(),
        Key::new("platforms", TEXTS, "a job each, then one index").default("linux/amd64"),
        Key::new("push", NAMES, "registries; all tags last, everywhere").default("built only"),
        Key::new(
            "preview-push",
            Type::Name,
            "registry to which a preview pushes by digest",
        )
        .default("sealed by inputs"),
        Key::new(
            "name",
            Type::Text,
            "under the connection's path, lower-cased",
        )
        .default("the repository's")
        .dollar(),
        Key::new(
            "tags",
            Type::Text,
            "rules in lines, as docker/metadata-action",
        )
        .dollar(),
        Key::new("flavor", Type::Text, "lines, as docker/metadata-action").dollar(),
        Key::new("labels", Type::Text, "lines, as docker/metadata-action").dollar(),
        Key::new(
            "annotations",
            Type::Text,
            "lines, as docker/metadata-action",
        )
        .dollar(),
        Key::new(
            "sbom",
            Type::Boolean,
            "whether a list of its contents is attached",
        )
        .default("true"),
        Key::new(
            "provenance",
            Type::Boolean,
            "whether a statement of its making is attached",
        )
        .default("true"),
        Key::new(
            "sign",
            Type::Boolean,
            "whether it is signed: by the key in COSIGN_PRIVATE_KEY, without one as the job, which needs no key",
        )
        .default("where there is a key"),
        Key::new(
            "expect",
            MAP_OF_REQUIREMENT,
            "what must be observed of it, as in check `image`",
        )
        .dollar(),
    ],
};

static ASSEMBLE: Object = Object {
    what: "an assembled image",
    exactly: &[],
    keys: &[
        Key::new(
            "files",
            Type::Map(&Type::Path),
            "path in the image → path in the tree",
        )
        .required()
        .dollar(),
        Key::new("base", Type::Text, "image below it").dollar(),
        Key::new("entrypoint", TEXTS, "command that is always there"),
        Key::new("cmd", TEXTS, "arguments that can be replaced"),
        Key::new("env", MAP_OF_TEXT, "variables").dollar(),
        Key::new("ports", NUMBERS, "ports that it declares"),
        Key::new("user", Type::Text, "user and group"),
        Key::new("workdir", Type::Path, "working directory"),
    ],
};

/// The outputs that an image has by itself.
pub const OUTPUTS: &[&str] = &[
    "reference",
    "references",
    "repository",
    "digest",
    "tags",
    "version",
];

/// Where an image comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Built from a Dockerfile.
    Context(Box<Build>),
    /// An OCI layout that is there.
    Layout(String),
    /// Put together from files.
    Assemble(Box<Assemble>),
    /// A published reference.
    Copy(String),
}

/// What an image is built of by a Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// The folder whose files it may take.
    pub folder: String,
    /// The Dockerfile; `Dockerfile` in the folder without it.
    pub file: Option<String>,
    /// The stage; the last without it.
    pub target: Option<String>,
    /// Build arguments.
    pub args: Vec<(String, String)>,
    /// Build secrets by id.
    pub secrets: Vec<(String, Secret)>,
}

/// What an assembled image is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assemble {
    /// Path in the image → path in the tree, in the order of the plan.
    pub files: Vec<(String, String)>,
    /// Image below it.
    pub base: Option<String>,
    /// Command that is always there.
    pub entrypoint: Vec<String>,
    /// Arguments that can be replaced.
    pub cmd: Vec<String>,
    /// Variables.
    pub env: Vec<(String, String)>,
    /// Ports that it declares.
    pub ports: Vec<u16>,
    /// User and group.
    pub user: Option<String>,
    /// Working directory.
    pub workdir: Option<String>,
}

/// An image with its expressions evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Where it comes from.
    pub source: Source,
    /// Platforms; one is assembled or built for each.
    pub platforms: Vec<String>,
    /// Connections to which it is pushed.
    pub push: Vec<String>,
    /// Its name under the connection's path.
    pub name: Option<String>,
    /// Rules of its tags.
    pub tags: Option<String>,
    /// Global rules of its tags.
    pub flavor: Option<String>,
    /// Lines of labels.
    pub labels: Option<String>,
    /// Lines of annotations.
    pub annotations: Option<String>,
    /// Whether a list of its contents is attached.
    pub sbom: bool,
    /// Whether a statement of its making is attached.
    pub provenance: bool,
    /// Whether it is signed; where there is a key, if the plan does not say it.
    pub sign: Option<bool>,
}

impl Image {
    /// Reads an evaluated body.
    pub fn read(body: Reader<'_>) -> Result<Self, BodyError> {
        let platforms = body.texts("platforms")?;
        Ok(Self {
            source: source(body)?,
            platforms: if platforms.is_empty() {
                vec!["linux/amd64".to_owned()]
            } else {
                platforms
            },
            push: body.texts("push")?,
            name: body.text("name")?,
            tags: body.text("tags")?,
            flavor: body.text("flavor")?,
            labels: body.text("labels")?,
            annotations: body.text("annotations")?,
            sbom: body.flag("sbom", true)?,
            provenance: body.flag("provenance", true)?,
            sign: body.optional_flag("sign")?,
        })
    }
}

fn source(body: Reader<'_>) -> Result<Source, BodyError> {
    if let Some(folder) = body.text("context")? {
        return Ok(Source::Context(Box::new(Build {
            folder,
            file: body.text("file")?,
            target: body.text("target")?,
            args: body.text_map("build-args")?,
            secrets: body.secret_map("secrets")?,
        })));
    }
    if let Some(layout) = body.text("layout")? {
        return Ok(Source::Layout(layout));
    }
    if let Some(reference) = body.text("copy")? {
        return Ok(Source::Copy(reference));
    }
    let Some(assemble) = body.inner("assemble")? else {
        return Err(BodyError {
            key: "assemble".to_owned(),
            expected: "a map",
            found: "nothing".to_owned(),
        });
    };
    Ok(Source::Assemble(Box::new(Assemble {
        files: assemble.text_map("files")?,
        base: assemble.text("base")?,
        entrypoint: assemble.texts("entrypoint")?,
        cmd: assemble.texts("cmd")?,
        env: assemble.text_map("env")?,
        ports: assemble.ports("ports")?,
        user: assemble.text("user")?,
        workdir: assemble.text("workdir")?,
    })))
}

/// Whether a task asks for a signature of what it pushes. The grammar takes no expression there.
pub fn asks_for_signature(task: &Task) -> bool {
    let asked = |key: &str| task.body.get(key).filter(|_| task.kind == Kind::Image);
    let sign = asked("sign").and_then(|field| field.literal());
    asked("push").is_some() && sign.as_deref() == Some("true")
}

/// Reports what can be seen without evaluating: references without a digest, impossible paths and ports.
pub fn check(task: &Task, problems: &mut Diagnostics) {
    for (text, span) in literal_texts(task.body.get("copy")) {
        problems.extend(unpinned(&text).map(|problem| problem.at(span)));
    }
    let Some(assemble) = task.body.get("assemble") else {
        return;
    };
    for (path, field) in assemble
        .get("files")
        .and_then(|files| files.entries())
        .into_iter()
        .flatten()
    {
        if !path.starts_with('/') || path.split('/').any(|part| part == "..") {
            problems.push(
                Diagnostic::error("path", format!("`{path}` is no path in an image"))
                    .at(field.key)
                    .help("paths in an image begin with `/` and hold no `..`"),
            );
        }
    }
}

/// The problem of a reference whose tag can move; `None` where it carries a digest.
pub fn unpinned(reference: &str) -> Option<Diagnostic> {
    (!reference.contains("@sha256:")).then(|| {
        Diagnostic::error(
            "unpinned",
            format!("`{reference}` names a tag, and a tag can move"),
        )
        .help("take a task's `outputs.reference`, or add the digest: `NAME@sha256:…`")
    })
}
