//! One comment on a pull request, edited in place.

use serde::{Deserialize, Serialize};

use super::{
    Client, ClientError, Marker,
    client::{Call, Method, Repeat},
};

/// Longest comment that GitHub takes, in characters.
pub const LONGEST_COMMENT: usize = 65_536;
/// How often the comments are looked at again after somebody else changed them in between.
const MOST_ROUNDS: usize = 4;

/// What became of a comment, with its page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommentOutcome {
    /// There was none.
    Created(String),
    /// It said something else.
    Updated(String),
    /// It says the same already, and nothing was sent.
    Unchanged(String),
}

impl CommentOutcome {
    /// Returns the page of the comment.
    pub fn url(&self) -> &str {
        match self {
            Self::Created(url) | Self::Updated(url) | Self::Unchanged(url) => url,
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
struct Comment {
    id: u64,
    #[serde(default)]
    body: Option<String>,
    html_url: String,
}

#[derive(Serialize)]
struct NewBody<'b> {
    body: &'b str,
}

impl Client {
    /// Makes the comment that `marker` names say `text`, on a pull request or an issue.
    ///
    /// The comment is looked for on all pages by its marker, never by its author: a token may belong to somebody else
    /// tomorrow. Of several, as two jobs may make them at the same moment, the oldest stays. One that was deleted in between is
    /// made anew, and one that says the same already is left alone.
    ///
    /// # Errors
    ///
    /// Fails where GitHub does: see [`ClientError`]. A deployment does not fail by that.
    pub async fn upsert_comment(
        &self,
        pull_request: u64,
        marker: &Marker,
        text: &str,
    ) -> Result<CommentOutcome, ClientError> {
        let body = marker.mark(text);
        let found = body.chars().count();
        if found > LONGEST_COMMENT {
            return Err(ClientError::TooLong { found });
        }
        let thread = Thread {
            client: self,
            pull_request,
            marker,
            body: &body,
        };
        let mut progress = Progress::default();
        for _ in 0..MOST_ROUNDS {
            if let Some(outcome) = thread.round(&mut progress).await? {
                return Ok(outcome);
            }
        }
        let comment = thread.create().await?;
        Ok(CommentOutcome::Created(comment.html_url))
    }
}

/// The comments of one pull request, and what one of them should say.
struct Thread<'t> {
    client: &'t Client,
    pull_request: u64,
    marker: &'t Marker,
    body: &'t str,
}

/// What was done in earlier rounds.
#[derive(Default)]
struct Progress {
    created: Option<Comment>,
    /// A comment was sent and no answer came.
    is_answer_lost: bool,
}

impl Thread<'_> {
    /// Looks at the comments and does one thing about them. Returns nothing where it has to be looked again: after a
    /// comment was made, as another job may have made one too, and where the comment vanished.
    async fn round(&self, progress: &mut Progress) -> Result<Option<CommentOutcome>, ClientError> {
        let mut ours = self.ours(progress.created.as_ref()).await?.into_iter();
        let Some(oldest) = ours.next() else {
            return self.first_comment(progress).await.map(|()| None);
        };
        let outcome = if !says(&oldest, self.body) {
            match self.update(oldest.id).await {
                Ok(comment) => CommentOutcome::Updated(comment.html_url),
                Err(ClientError::NotFound { .. }) => {
                    progress.created = None;
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        } else if progress.created.is_some() || progress.is_answer_lost {
            CommentOutcome::Created(oldest.html_url)
        } else {
            CommentOutcome::Unchanged(oldest.html_url)
        };
        for duplicate in ours {
            self.delete(duplicate.id).await;
        }
        Ok(Some(outcome))
    }

    async fn first_comment(&self, progress: &mut Progress) -> Result<(), ClientError> {
        match self.create().await {
            Ok(comment) => {
                progress.created = Some(comment);
                Ok(())
            }
            // The comment may be there all the same: looking again tells. A second time it is an error.
            Err(ClientError::Unreachable { .. } | ClientError::Unavailable { .. })
                if !progress.is_answer_lost =>
            {
                progress.is_answer_lost = true;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the comments with the marker, the oldest first, with one that was just made: a list may be a moment late.
    async fn ours(&self, created: Option<&Comment>) -> Result<Vec<Comment>, ClientError> {
        let what = format!("list the comments of pull request {}", self.pull_request);
        let route = format!("issues/{}/comments", self.pull_request);
        let mut comments: Vec<Comment> = self
            .client
            .all_pages(&what, &self.client.in_repository(&route))
            .await?;
        comments.retain(|comment| {
            let body = comment.body.as_deref().unwrap_or_default();
            self.marker.marks(body)
        });
        comments.extend(created.cloned());
        comments.sort_by_key(|comment| comment.id);
        // A comment that moves to another page while they are read is there twice, too.
        comments.dedup_by_key(|comment| comment.id);
        Ok(comments)
    }

    async fn create(&self) -> Result<Comment, ClientError> {
        let what = format!("comment on pull request {}", self.pull_request);
        let route = format!("issues/{}/comments", self.pull_request);
        self.write(&what, Method::Post, &route, Repeat::WhenRefused)
            .await
    }

    async fn update(&self, id: u64) -> Result<Comment, ClientError> {
        let what = format!("change the comment on pull request {}", self.pull_request);
        let route = format!("issues/comments/{id}");
        self.write(&what, Method::Patch, &route, Repeat::Always)
            .await
    }

    async fn write(
        &self,
        what: &str,
        method: Method,
        route: &str,
        repeat: Repeat,
    ) -> Result<Comment, ClientError> {
        let call = Call {
            what,
            method,
            route: &self.client.in_repository(route),
            repeat,
        };
        let body = NewBody { body: self.body };
        self.client.send(&call, Some(&body)).await?.read(what)
    }

    /// Removes a duplicate. That it stays is untidy and no more: the next round of any job tries again.
    async fn delete(&self, id: u64) {
        let what = format!(
            "remove a second comment on pull request {}",
            self.pull_request
        );
        let call = Call {
            what: &what,
            method: Method::Delete,
            route: &self.client.in_repository(&format!("issues/comments/{id}")),
            repeat: Repeat::Always,
        };
        match self.client.send(&call, None::<&()>).await {
            Ok(_) | Err(ClientError::NotFound { .. }) => {}
            Err(error) => tracing::warn!(%error, "a second comment stays"),
        }
    }
}

/// Whether a comment says this already. GitHub may give lines back with other ends.
fn says(comment: &Comment, body: &str) -> bool {
    let found = comment.body.as_deref().unwrap_or_default();
    let lines = |text: &str| text.trim_end().replace("\r\n", "\n");
    lines(found) == lines(body)
}
