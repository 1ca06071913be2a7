//! What a container engine is called with for a step: arguments, and the files they name. Pure but for writing those
//! files.

use super::{Engine, Kind, SCRIPT, files_folder};
use crate::sandbox::Launch;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

/// Memory of one step's container.
const MEMORY: &str = "4g";
/// Processes and threads of one step's container.
const PROCESSES: &str = "4096";

/// One step's container.
#[derive(Debug, PartialEq)]
pub(super) struct Call {
    /// The engine's arguments that make it.
    pub(super) create: Vec<String>,
    /// Files to write before, with their modes.
    pub(super) files: Vec<(PathBuf, u32, String)>,
    /// Values that do not fit the environment file, since they have several lines; the engine's program takes them from
    /// its own environment.
    pub(super) multiline: Vec<(String, String)>,
}

impl Call {
    /// # Errors
    /// What about the step an engine cannot carry, for its author.
    pub(super) fn new(
        engine: &Engine,
        launch: &Launch<'_>,
        image: &str,
        name: &str,
        owner: Option<(u32, u32)>,
    ) -> Result<Self, String> {
        if image.is_empty() || image.starts_with('-') || image.contains(char::is_whitespace) {
            return Err(format!("`{image}` is not the name of an image"));
        }
        let mut call = Self { create: Vec::new(), files: Vec::new(), multiline: Vec::new() };
        call.say(&["create", "--name", name, "--network", "none", "--cap-drop", "ALL"]);
        call.say(&["--security-opt", "no-new-privileges", "--read-only", "--init"]);
        call.say(&["--memory", MEMORY, "--pids-limit", PROCESSES]);
        call.say(&["--tmpfs", "/tmp:rw,exec,nosuid,nodev,mode=1777"]);
        call.user(engine, owner);
        call.mount(launch.tree, "/work", false)?;
        call.mount(&launch.private.join("home"), "/home/step", false)?;
        call.environment(launch)?;
        call.files(launch)?;
        let folder = if launch.workspace.is_empty() {
            "/work".to_owned()
        } else {
            format!("/work/{}", launch.workspace)
        };
        call.say(&["--workdir", &folder, "--entrypoint", "/bin/sh", "--", image, "-e", SCRIPT]);
        Ok(call)
    }

    fn say(&mut self, arguments: &[&str]) {
        self.create.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    }

    /// The step's files belong to whoever runs it here, so that they can be read and removed afterwards.
    fn user(&mut self, engine: &Engine, owner: Option<(u32, u32)>) {
        match (engine.kind, engine.rootless) {
            (Kind::Podman, true) => self.say(&["--userns", "keep-id"]),
            // Root inside is the caller outside.
            (Kind::Docker, true) => self.say(&["--user", "0:0"]),
            (_, false) => {
                let caller = || (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
                let (user, group) = owner.unwrap_or_else(caller);
                self.say(&["--user", &format!("{user}:{group}")]);
            }
        }
    }

    fn mount(&mut self, source: &Path, target: &str, read_only: bool) -> Result<(), String> {
        let source = source.to_str().filter(|text| !text.contains([',', '"', '\n']));
        let source = source
            .ok_or("the work folder's path has a comma, a quote or bytes that an engine cannot take")?;
        let end = if read_only { ",readonly" } else { "" };
        self.say(&["--mount", &format!("type=bind,source={source},target={target}{end}")]);
        Ok(())
    }

    fn environment(&mut self, launch: &Launch<'_>) -> Result<(), String> {
        let mut lines = String::from("HOME=/home/step\nTMPDIR=/tmp\nLANG=C.UTF-8\n");
        for (key, value) in launch.env {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if key.is_empty() || !key.chars().all(plain) || key.starts_with(|c: char| c.is_ascii_digit()) {
                return Err(format!("`{key}` is not the name of an environment variable"));
            }
            if !value.contains(['\n', '\r']) {
                lines.push_str(&format!("{key}={value}\n"));
            } else if engines_own(key) {
                return Err(format!(
                    "the environment variable `{key}` cannot have several lines in a container"
                ));
            } else {
                self.multiline.push((key.clone(), value.clone()));
                self.say(&["--env", key]);
            }
        }
        let file = launch.private.join("environment");
        let path = file.to_str().ok_or("the work folder's path is not UTF-8")?.to_owned();
        self.files.push((file, 0o600, lines));
        self.say(&["--env-file", &path]);
        Ok(())
    }

    fn files(&mut self, launch: &Launch<'_>) -> Result<(), String> {
        let folder = files_folder(launch.private);
        let script = folder.join("script");
        self.mount(&script, SCRIPT, true)?;
        self.files.push((script, 0o755, launch.run.to_owned()));
        for (at, (path, text)) in launch.files.iter().enumerate() {
            let target = Path::new(path);
            let named = target.components().skip(1).all(|part| matches!(part, Component::Normal(_)));
            if !target.is_absolute() || !named || path.contains([',', '"', '\n', '\0']) || path.ends_with('/')
            {
                return Err(format!(
                    "its file `{path}` is not at an absolute path without commas and quotes"
                ));
            }
            if target.starts_with("/work") {
                return Err(format!(
                    "its file `{path}` is inside the repository; use a path such as /tmp/name"
                ));
            }
            let source = folder.join(at.to_string());
            self.mount(&source, path, true)?;
            self.files.push((source, 0o755, text.clone()));
        }
        Ok(())
    }

    /// Writes the files that the arguments name.
    pub(super) fn write_files(&self) -> io::Result<()> {
        for (path, mode, text) in &self.files {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(*mode).open(path)?;
            file.write_all(text.as_bytes())?;
            // Whatever the umask took away: the container's user is another one.
            file.set_permissions(std::fs::Permissions::from_mode(*mode))?;
        }
        Ok(())
    }
}

/// Whether the engine's program reads the variable itself.
fn engines_own(key: &str) -> bool {
    matches!(key, "PATH" | "HOME" | "TMPDIR" | "LANG" | "USER")
        || [
            "DOCKER_",
            "BUILDKIT_",
            "COMPOSE_",
            "CONTAINER",
            "PODMAN_",
            "REGISTRY_",
            "XDG_",
            "LD_",
            "SSL_",
            "HTTP",
            "NO_PROXY",
        ]
        .iter()
        .any(|prefix| key.to_ascii_uppercase().starts_with(prefix))
}
