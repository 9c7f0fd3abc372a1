//! The images of a layout, and the files of each.

use std::io::{self, Read};

use crate::image::{
    Descriptor, FileFact, ImageError, Layout, Platform,
    inspect::nested,
    rootfs::read_files,
    spec::{ConfigFile, ManifestBody},
};

impl Layout {
    /// Returns the images of the one manifest or index of the layout, each for its platform.
    ///
    /// # Errors
    /// If the layout holds none or several, or a document that is looked at is damaged or malformed.
    pub fn images(&self) -> Result<Vec<(Descriptor, Platform)>, ImageError> {
        let root = self.root()?;
        match self.manifest(root)? {
            ManifestBody::Image(manifest) => {
                let config = self.blob(&manifest.config)?;
                let config: ConfigFile =
                    serde_json::from_slice(&config).map_err(|problem| ImageError::Malformed {
                        what: "the image's configuration".to_owned(),
                        because: problem.to_string(),
                    })?;
                Ok(vec![(root.clone(), config.platform())])
            }
            ManifestBody::Index(index) => Ok(index
                .images()
                .map(|(child, platform)| (child.clone(), platform.clone()))
                .collect()),
        }
    }

    /// Reads the files of one image of the layout, by path, each with what `look` makes of its bytes. `look` also sees files that
    /// an upper layer hides; they are not in the result.
    ///
    /// # Errors
    /// If a layer is missing, damaged or malformed, or `look` fails.
    pub fn read_files<T: Clone>(
        &self,
        image: &Descriptor,
        mut look: impl FnMut(&FileFact, &mut dyn Read) -> io::Result<T>,
    ) -> Result<Vec<(FileFact, Option<T>)>, ImageError> {
        match self.manifest(image)? {
            ManifestBody::Image(manifest) => read_files(self, &manifest, &mut look),
            ManifestBody::Index(_) => Err(nested(image)),
        }
    }
}
