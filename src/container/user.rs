//! Who the process of an image is: `USER` read with the image's own `/etc/passwd` and `/etc/group`.

use serde::{Deserialize, Serialize};

use crate::container::ContainerError;

/// A user in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::container) struct User {
    /// Its number.
    pub uid: u32,
    /// Its first group.
    pub gid: u32,
    /// Its other groups.
    pub groups: Vec<u32>,
    /// Its home; `/` where the image does not say.
    pub home: String,
}

struct Account<'f> {
    name: &'f str,
    uid: u32,
    gid: u32,
    home: &'f str,
}

impl User {
    /// Finds the user `USER[:GROUP]`, each a name or a number, as docker does.
    pub(in crate::container) fn find(
        wanted: &str,
        passwd: &str,
        group: &str,
    ) -> Result<Self, ContainerError> {
        let (user, wanted_group) = match wanted.split_once(':') {
            Some((user, wanted_group)) => (user, Some(wanted_group)),
            None => (wanted, None),
        };
        let user = if user.is_empty() { "0" } else { user };
        let number = user.parse::<u32>().ok();
        let account = accounts(passwd).find(|account| match number {
            Some(uid) => account.uid == uid,
            None => account.name == user,
        });
        let uid = match (&account, number) {
            (Some(account), _) => account.uid,
            (None, Some(uid)) => uid,
            (None, None) => return Err(unknown(user, "/etc/passwd")),
        };
        let gid = match wanted_group.filter(|name| !name.is_empty()) {
            Some(name) => group_number(name, group)?,
            None => account.as_ref().map_or(0, |account| account.gid),
        };
        let groups = match (&account, wanted_group) {
            (Some(account), None) => groups_of(account.name, group),
            _ => Vec::new(),
        };
        let home = account
            .map(|account| account.home)
            .filter(|home| !home.is_empty())
            .unwrap_or("/")
            .to_owned();
        Ok(Self {
            uid,
            gid,
            groups,
            home,
        })
    }
}

fn unknown(user: &str, file: &'static str) -> ContainerError {
    ContainerError::UnknownUser {
        user: user.to_owned(),
        file,
    }
}

fn accounts(passwd: &str) -> impl Iterator<Item = Account<'_>> {
    passwd.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        Some(Account {
            name: fields.first()?,
            uid: fields.get(2)?.parse().ok()?,
            gid: fields.get(3)?.parse().ok()?,
            home: fields.get(5)?,
        })
    })
}

fn group_number(name: &str, group: &str) -> Result<u32, ContainerError> {
    if let Ok(gid) = name.parse() {
        return Ok(gid);
    }
    group
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.first() == Some(&name))
        .and_then(|fields| fields.get(2)?.parse().ok())
        .ok_or_else(|| unknown(name, "/etc/group"))
}

fn groups_of(user: &str, group: &str) -> Vec<u32> {
    group
        .lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let members = fields.get(3)?;
            members.split(',').find(|member| *member == user)?;
            fields.get(2)?.parse().ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/sh\napp:x:65532:65533:App:/home/app:/sbin/nologin\n";
    const GROUP: &str = "root:x:0:\nstaff:x:50:app,other\napp:x:65533:\n";

    #[track_caller]
    fn check(wanted: &str, uid: u32, gid: u32, groups: &[u32], home: &str) {
        let user = User::find(wanted, PASSWD, GROUP).expect("a user");
        let expected = User {
            uid,
            gid,
            groups: groups.to_vec(),
            home: home.to_owned(),
        };
        assert_eq!(user, expected);
    }

    #[test]
    fn a_user_is_found_by_name_or_number_with_its_groups() {
        check("", 0, 0, &[], "/root");
        check("app", 65532, 65533, &[50], "/home/app");
        check("65532", 65532, 65533, &[50], "/home/app");
    }

    #[test]
    fn a_number_that_the_image_does_not_know_is_taken_as_it_is() {
        check("1234", 1234, 0, &[], "/");
        check("1234:4321", 1234, 4321, &[], "/");
    }

    #[test]
    fn a_group_that_is_given_takes_the_place_of_all_others() {
        check("app:staff", 65532, 50, &[], "/home/app");
    }

    #[test]
    fn a_name_that_the_image_does_not_know_is_an_error() {
        let error = User::find("nobody", PASSWD, GROUP).expect_err("not there");
        assert_eq!(
            error.to_string(),
            "user `nobody` is not in the image's `/etc/passwd`"
        );
        let error = User::find("app:wheel", PASSWD, GROUP).expect_err("not there");
        assert_eq!(
            error.to_string(),
            "user `wheel` is not in the image's `/etc/group`"
        );
    }
}
