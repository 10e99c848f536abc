//! Certificates, made by openssl.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::folder::Folder;

/// An authority of one's own, and the certificates of a server and a client that it vouches for; removed when dropped.
///
/// The files are `ca.pem`, `server.pem`, `server.key`, `client.pem` and `client.key`. Those of the server and the client are for `localhost` and 127.0.0.1.
#[derive(Debug)]
pub struct Certificates(Folder);

impl Certificates {
    /// Makes them: 0.1 s.
    ///
    /// # Panics
    ///
    /// When openssl is missing.
    #[must_use]
    pub fn new() -> Self {
        let folder = Folder::new("certificates");
        make(folder.path());
        Self(folder)
    }

    /// Where the file of this name is.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Default for Certificates {
    fn default() -> Self {
        Self::new()
    }
}

fn make(folder: &Path) {
    const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    let names = "subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n";
    std::fs::write(folder.join("names"), names).expect("the folder can be written to");
    openssl(folder, &format!("req -x509 {KEY} -keyout ca.key -out ca.pem -days 2 -subj /CN=authority"));
    for who in ["server", "client"] {
        openssl(folder, &format!("req {KEY} -keyout {who}.key -out {who}.csr -subj /CN={who}"));
        openssl(
            folder,
            &format!(
                "x509 -req -in {who}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out {who}.pem -days 2 -extfile names"
            ),
        );
    }
}

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output();
    let output = output.expect("openssl is installed: it makes the certificates");
    assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
}
