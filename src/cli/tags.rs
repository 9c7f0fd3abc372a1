//! `deploy-action tags`: names, labels and annotations of images by the rules of docker/metadata-action.

mod answer;
mod event;
mod known;
mod show;

use camino::Utf8PathBuf;
use jiff::Timestamp;

use self::{answer::Answer, event::Asked};
use super::{CliError, Environment, Exit, output, output::Format, session};
use crate::{
    execute::chain,
    github::RunnerContext,
    image::{
        AnnotationLevel, Dialect, LabelLines, RepositoryName, SettledTags, TagImages, TagInput,
        TagRules, TagRulesError,
    },
};

/// Computes tags, labels and annotations of images by docker/metadata-action's rules
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  deploy-action tags --images ghcr.io/acme/api
  deploy-action tags --tags 'type=semver,pattern={{version}}' --tags type=sha --explain
  deploy-action tags --images ghcr.io/acme/api --registry --format json")]
pub struct TagsArgs {
    /// Images that get the tags, one a line; without any, tags stand alone
    #[arg(long, value_name = "LINES", allow_hyphen_values = true)]
    images: Vec<String>,
    /// Rules, one a line; without any: schedule, branch, tag, pull request
    #[arg(long, value_name = "LINES", allow_hyphen_values = true)]
    tags: Vec<String>,
    /// What goes for all rules: latest, prefix, suffix
    #[arg(long, value_name = "LINES", allow_hyphen_values = true)]
    flavor: Vec<String>,
    /// Labels besides those of the repository, as NAME=VALUE, one a line
    #[arg(long, value_name = "LINES", allow_hyphen_values = true)]
    labels: Vec<String>,
    /// Annotations besides those of the repository, as NAME=VALUE, one a line
    #[arg(long, value_name = "LINES", allow_hyphen_values = true)]
    annotations: Vec<String>,
    /// Target of the bake file
    #[arg(long, value_name = "NAME", default_value = "docker-metadata-action")]
    bake_target: String,
    /// What stands between tags; a line end
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    sep_tags: Option<String>,
    /// What stands between labels in the step's output; a line end
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    sep_labels: Option<String>,
    /// What stands between annotations in the step's output; a line end
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    sep_annotations: Option<String>,
    /// Who tells the event: the run of a workflow, or git; by default the run where there is one
    #[arg(long, value_enum)]
    context: Option<EventSource>,
    /// The time of `{{date}}` and of the label for it; now
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
    /// The time of `{{commit_date}}`; that of the commit
    #[arg(long, value_name = "TIME")]
    commit_date: Option<Timestamp>,
    /// A stored answer of GitHub's GET /repos/OWNER/NAME, in place of asking
    #[arg(long, value_name = "FILE")]
    repository_json: Option<Utf8PathBuf>,
    /// Answers as that program does, its mistakes with it
    #[arg(long, value_enum, value_name = "PROGRAM")]
    compat: Option<Compat>,
    /// Asks the registries of the images and git which version is the highest: `latest`, `1`, `1.2` move only with it
    #[arg(long)]
    registry: bool,
    /// Says of each rule why it made a tag, or none
    #[arg(long)]
    explain: bool,
    /// In which form
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum EventSource {
    /// The variables of a runner
    Workflow,
    /// The work tree
    Git,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Compat {
    /// docker/metadata-action
    Docker,
}

/// What the lists say.
struct Lists {
    images: TagImages,
    rules: TagRules,
    labels: LabelLines,
    annotations: LabelLines,
    levels: Vec<AnnotationLevel>,
}

impl TagsArgs {
    /// The arguments of whoever gives rules and nothing else.
    fn of_rules(tags: &[String], flavor: &[String]) -> Self {
        Self {
            images: Vec::new(),
            tags: tags.to_vec(),
            flavor: flavor.to_vec(),
            labels: Vec::new(),
            annotations: Vec::new(),
            bake_target: String::new(),
            sep_tags: None,
            sep_labels: None,
            sep_annotations: None,
            context: None,
            now: None,
            commit_date: None,
            repository_json: None,
            compat: None,
            registry: true,
            explain: false,
            format: Format::Text,
        }
    }

    fn dialect(&self) -> Dialect {
        match self.compat {
            Some(Compat::Docker) => Dialect::Docker,
            None => Dialect::Ours,
        }
    }

    fn lists(&self, environment: &Environment) -> Result<Lists, CliError> {
        let dialect = self.dialect();
        let rules = (self.tags.join("\n"), self.flavor.join("\n"));
        let rules = match dialect {
            Dialect::Ours => TagRules::parse(&rules.0, &rules.1),
            Dialect::Docker => TagRules::parse_as(dialect, &rules.0, &rules.1),
        };
        let lines = |input, lines: &[String]| match dialect {
            Dialect::Ours => LabelLines::parse(input, &lines.join("\n")),
            Dialect::Docker => LabelLines::parse_as(dialect, input, &lines.join("\n")),
        };
        let labels = lines(TagInput::Labels, &self.labels);
        let annotations = lines(TagInput::Annotations, &self.annotations);
        let images = TagRulesError::both(TagImages::parse(&self.images.join("\n")), rules);
        let read = TagRulesError::both(images, TagRulesError::both(labels, annotations));
        let ((images, rules), (labels, annotations)) = read.map_err(|error| refused(&error))?;
        let levels = environment.get("DOCKER_METADATA_ANNOTATIONS_LEVELS");
        let levels = AnnotationLevel::list(dialect, levels.unwrap_or("manifest"))
            .map_err(|because| CliError::new(Exit::Usage, because))?;
        Ok(Lists {
            images,
            rules,
            labels,
            annotations,
            levels,
        })
    }

    /// Whether a rule or label reads when the commit was made.
    fn reads_commit_date(&self) -> bool {
        let lists = [&self.tags, &self.flavor, &self.labels, &self.annotations];
        let mut lines = lines_of(&lists);
        lines.any(|line| line.contains("commit_date"))
    }
}

fn lines_of<'l>(lists: &'l [&'l Vec<String>]) -> impl Iterator<Item = &'l String> {
    lists.iter().flat_map(|list| list.iter())
}

fn refused(error: &TagRulesError) -> CliError {
    let refused = CliError::new(Exit::Usage, error.to_string());
    match error.hint() {
        Some(hint) => refused.hint(hint),
        None => refused,
    }
}

/// Runs the verb.
///
/// # Errors
///
/// A rule, label or image is malformed or comes to what no registry takes, a variable of the run holds what it cannot, or the
/// step's output cannot be written.
pub fn tags(args: &TagsArgs, environment: &Environment) -> Result<Exit, CliError> {
    let lists = args.lists(environment)?;
    if args.registry && lists.images.names().is_empty() {
        return Err(CliError::new(
            Exit::Usage,
            "`--registry` asks the registries of the images, and there is no image",
        )
        .hint("name them by `--images`"));
    }
    let answer = session::block_on(answer(args, &lists, environment))?;
    if let Some(path) = answer_file(environment)? {
        answer.write_outputs(&path, environment)?;
    }
    show::warnings(environment, &answer.warnings);
    match args.format {
        Format::Json => {
            if args.explain {
                output::words(&answer.explanation());
            }
            output::json(&answer.to_json());
        }
        Format::Text if args.explain => output::data(&answer.explanation()),
        Format::Text => output::data(&answer.to_text()),
    }
    Ok(Exit::Done)
}

/// Tags that rules come to, for each of several repositories: what moves there, and what stays, in words.
///
/// # Errors
///
/// The rules are wrong, all that is wrong with them together; or the environment holds what it cannot.
pub async fn by_rules(
    (tags, flavor): (&[String], &[String]),
    repositories: &[RepositoryName],
    environment: &Environment,
) -> Result<Vec<SettledTags>, CliError> {
    let args = TagsArgs::of_rules(tags, flavor);
    let lists = args.lists(environment)?;
    let mut warnings = Vec::new();
    let asked = Asked::gather(&args, environment, &mut warnings).await?;
    let computed = lists
        .rules
        .compute(&asked.facts, asked.now)
        .map_err(|error| refused(&error))?;
    for warning in warnings.iter().chain(&computed.warnings) {
        output::words(&format!("warning: {warning}\n"));
    }
    let mut settled = Vec::new();
    for repository in repositories {
        settled.push(match computed.floats() {
            true => computed.settle(&known::of_repository(repository, environment).await?),
            false => SettledTags {
                moves: computed.tags.clone(),
                ..SettledTags::default()
            },
        });
    }
    Ok(settled)
}

/// Returns the file that takes the outputs of the step.
fn answer_file(environment: &Environment) -> Result<Option<Utf8PathBuf>, CliError> {
    let runner = RunnerContext::read(&environment.variables)
        .map_err(|error| CliError::from_error(Exit::Usage, &error))?;
    Ok(runner.files.output)
}

async fn answer(
    args: &TagsArgs,
    lists: &Lists,
    environment: &Environment,
) -> Result<Answer, CliError> {
    let dialect = args.dialect();
    let mut warnings = Vec::new();
    let asked = Asked::gather(args, environment, &mut warnings).await?;
    let names = lists
        .rules
        .names(&asked.facts, asked.now)
        .map_err(|error| refused(&error))?;
    let given = asked
        .title
        .labels(names.main.as_deref(), &asked.facts, asked.now);
    let labels = lists.labels.labels(&given, &asked.facts, asked.now);
    let annotations = lists.annotations.labels(&given, &asked.facts, asked.now);
    let (labels, annotations) =
        TagRulesError::both(labels, annotations).map_err(|error| refused(&error))?;
    let left = match args.registry {
        true => known::left(environment, &lists.images, &names).await?,
        false => known::Left::default(),
    };
    warnings.extend(names.warnings.iter().cloned());
    if names.main.is_none() && dialect == Dialect::Ours {
        warnings.push("no rule makes a tag; `--explain` says of each why".to_owned());
    }
    if lists.images.all_disabled() && dialect == Dialect::Ours {
        warnings.push(
            "no image is enabled, so there are no tags; docker/metadata-action would give tags without images"
                .to_owned(),
        );
    }
    for more in [&labels.warnings, &annotations.warnings, &left.warnings] {
        for warning in more {
            if !warnings.contains(warning) {
                warnings.push(warning.clone());
            }
        }
    }
    Ok(Answer {
        about: asked.shown(),
        bare: lists.images.names().is_empty()
            && (dialect == Dialect::Docker || !lists.images.all_disabled()),
        images: lists.images.names().to_vec(),
        names,
        left,
        labels,
        annotations: AnnotationLevel::lines(&lists.levels, &annotations),
        warnings,
        bake_target: args.bake_target.clone(),
        separators: [&args.sep_tags, &args.sep_labels, &args.sep_annotations]
            .map(|given| given.clone().filter(|text| !text.is_empty()))
            .map(|given| given.unwrap_or_else(|| "\n".to_owned())),
    })
}

/// Says an error with its causes in one line, for a warning.
fn in_words(error: &(dyn std::error::Error + 'static)) -> String {
    chain(error)
}
