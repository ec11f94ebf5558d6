//! Forms as browsers send them, and as they never would.

use serde_json::Value;

use crate::files::File;

const BOUNDARY: &str = "the-boundary-of-a-test-form";

/// A form, part by part.
#[derive(Debug, Clone, Default)]
pub struct Form {
    body: Vec<u8>,
}

impl Form {
    /// Without parts.
    pub fn new() -> Self {
        Form::default()
    }

    /// With a text part.
    pub fn field(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.part(&format!("name=\"{name}\""), None, value.as_ref())
    }

    /// With a file part.
    pub fn file(self, name: &str, file: &File) -> Self {
        let about = format!("name=\"{name}\"; filename=\"{}\"", file.name);
        self.part(&about, Some("application/octet-stream"), &file.bytes)
    }

    /// With any part; `about` goes on after `form-data; `.
    pub fn part(mut self, about: &str, media_type: Option<&str>, content: &[u8]) -> Self {
        let mut head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {about}\r\n");
        if let Some(media_type) = media_type {
            head.push_str(&format!("Content-Type: {media_type}\r\n"));
        }
        head.push_str("\r\n");
        self.body.extend_from_slice(head.as_bytes());
        self.body.extend_from_slice(content);
        self.body.extend_from_slice(b"\r\n");
        self
    }

    /// What goes into `Content-Type`.
    pub fn media_type(&self) -> String {
        format!("multipart/form-data; boundary={BOUNDARY}")
    }

    /// The body.
    pub fn finish(mut self) -> Vec<u8> {
        self.body
            .extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        self.body
    }
}

/// A form of the members of a JSON object: lists repeated, `extra` spread, files as `attachment`.
pub fn form(fields: &Value, files: &[File]) -> Form {
    let mut form = Form::new();
    for (name, value) in fields.as_object().expect("an object") {
        if let (Value::Object(extra), true) = (value, name == "extra") {
            for (name, value) in extra {
                form = add(form, &format!("extra.{name}"), value);
            }
        } else {
            form = add(form, name, value);
        }
    }
    for file in files {
        form = form.file("attachment", file);
    }
    form
}

fn add(form: Form, name: &str, value: &Value) -> Form {
    match value {
        Value::Array(items) => items.iter().fold(form, |form, item| add(form, name, item)),
        Value::String(text) => form.field(name, text),
        other => form.field(name, other.to_string()),
    }
}
