//! Issuers whose key set is found by discovery.

use super::*;

const DOCUMENT: &str = "/.well-known/openid-configuration";

/// A provider that is found by discovery: its address is its name.
struct Provider {
    server: KeyServer,
    name: String,
    key: ProviderKey,
}

impl Provider {
    async fn start() -> Self {
        let key = p256("k1");
        let server = KeyServer::start(http_200(&key_set(&[&key]))).await;
        let name = server.url.strip_suffix("/jwks.json").unwrap().to_owned();
        let provider = Provider { server, name, key };
        provider.says(&provider.document());
        provider
    }

    fn document(&self) -> Value {
        json!({"issuer": self.name, "jwks_uri": self.server.url, "scopes_supported": ["openid"]})
    }

    fn says(&self, document: &Value) {
        self.server
            .answers_at(DOCUMENT, http_200(&document.to_string()));
    }

    fn issuer(&self) -> CitizenIssuer {
        let mut issuer = issuer(JwksSource::Discovery);
        issuer.issuer.name = self.name.clone();
        issuer
    }

    fn verifier(&self) -> CitizenVerifier {
        let options = HttpOptions {
            connect_timeout: Duration::from_millis(300),
            total_timeout: Duration::from_millis(300),
            max_body_bytes: 64 * 1024,
            proxy: None,
        };
        CitizenVerifier::new(vec![self.issuer()], options).unwrap()
    }

    fn token(&self, now: Timestamp) -> String {
        self.key
            .token(&with(claims_at(now), "iss", json!(self.name)))
    }

    async fn verdict(&self) -> Result<(), TokenError> {
        let verifier = self.verifier();
        verifier.verify(&self.token(now()), now()).await.map(|_| ())
    }
}

#[tokio::test]
async fn the_key_set_is_found_where_the_document_says() {
    let provider = Provider::start().await;
    let verifier = provider.verifier();
    assert_eq!(provider.server.visits(), 0, "no server is called at start");
    for _ in 0..3 {
        let verdict = verifier.verify(&provider.token(now()), now()).await;
        assert!(verdict.is_ok());
    }
    // The document and the key set, once each.
    assert_eq!(provider.server.visits(), 2);
}

#[tokio::test]
async fn a_slash_at_the_end_of_the_issuer_is_no_second_slash_in_the_address() {
    let mut provider = Provider::start().await;
    provider.name.push('/');
    provider.says(&provider.document());
    assert_eq!(provider.verdict().await, Ok(()));
}

#[tokio::test]
async fn keys_may_move_and_unknown_ones_cause_one_reload_a_minute() {
    let provider = Provider::start().await;
    let verifier = provider.verifier();
    assert!(verifier.verify(&provider.token(now()), now()).await.is_ok());
    let new = p256("new");
    let moved = format!("{}/moved.json", provider.name);
    provider.says(&with(provider.document(), "jwks_uri", json!(moved)));
    provider
        .server
        .answers_at("/moved.json", http_200(&key_set(&[&new])));
    let token = new.token(&with(claims(), "iss", json!(provider.name)));
    for _ in 0..5 {
        assert_eq!(
            verifier.verify(&token, now() + 59.seconds()).await,
            Err(TokenError::UnknownKey)
        );
    }
    assert_eq!(provider.server.visits(), 2);
    assert!(verifier.verify(&token, now() + 60.seconds()).await.is_ok());
    assert_eq!(provider.server.visits(), 4);
}

#[tokio::test]
async fn a_document_that_lies_is_not_believed() {
    let provider = Provider::start().await;
    let name = provider.name.clone();
    let elsewhere = name.replace("127.0.0.1", "10.0.0.1");
    for (member, value) in [
        ("issuer", json!(format!("{name}/"))),
        ("issuer", json!(name.to_uppercase())),
        ("issuer", json!("https://evil.example.org")),
        ("issuer", json!("")),
        ("issuer", json!([name])),
        ("issuer", json!(null)),
        ("jwks_uri", json!(null)),
        ("jwks_uri", json!("")),
        ("jwks_uri", json!("jwks.json")),
        ("jwks_uri", json!(format!("{elsewhere}/jwks.json"))),
        ("jwks_uri", json!("http://169.254.169.254/latest")),
        ("jwks_uri", json!("file:///etc/passwd")),
        ("jwks_uri", json!("data:application/json,{}")),
    ] {
        provider.says(&with(provider.document(), member, value.clone()));
        let verdict = provider.verdict().await;
        assert_eq!(
            verdict,
            Err(TokenError::KeysUnavailable),
            "{member} {value}"
        );
    }
    for text in ["", "[]", "{}", "<html>", "null"] {
        provider.server.answers_at(DOCUMENT, http_200(text));
        let verdict = provider.verdict().await;
        assert_eq!(verdict, Err(TokenError::KeysUnavailable), "{text}");
    }
}

#[tokio::test]
async fn a_hanging_or_huge_or_redirecting_provider_costs_one_time_out() {
    let provider = Provider::start().await;
    let elsewhere = Provider::start().await;
    let huge = vec![b' '; 1024 * 1024];
    let endless = [b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &huge].concat();
    let announced = b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n{\"issuer\":".to_vec();
    let redirect = format!(
        "HTTP/1.1 302 Found\r\nlocation: {}{DOCUMENT}\r\ncontent-length: 0\r\n\r\n",
        elsewhere.name
    );
    for (what, path, answer) in [
        ("a document that hangs", DOCUMENT, Vec::new()),
        ("a key set that hangs", "/jwks.json", Vec::new()),
        ("an endless document", DOCUMENT, endless.clone()),
        ("an endless key set", "/jwks.json", endless),
        ("a document of a gigabyte", DOCUMENT, announced.clone()),
        ("a key set of a gigabyte", "/jwks.json", announced),
        (
            "a document elsewhere",
            DOCUMENT,
            redirect.clone().into_bytes(),
        ),
        ("a key set elsewhere", "/jwks.json", redirect.into_bytes()),
    ] {
        provider.says(&provider.document());
        provider
            .server
            .answers_at("/jwks.json", http_200(&key_set(&[&provider.key])));
        provider.server.answers_at(path, answer);
        let verdict = tokio::time::timeout(Duration::from_secs(5), provider.verdict()).await;
        assert_eq!(verdict, Ok(Err(TokenError::KeysUnavailable)), "{what}");
    }
    assert_eq!(elsewhere.server.visits(), 0);
}

#[test]
fn an_issuer_without_an_address_cannot_be_discovered() {
    for name in [
        "sportello",
        "http://id.example.org",
        "https://id.example.org/?realm=1",
        "https://id.example.org/#a",
        "https://user@id.example.org",
        "urn:example:id",
    ] {
        let mut issuer = issuer(JwksSource::Discovery);
        issuer.issuer.name = name.to_owned();
        let made = CitizenVerifier::new(vec![issuer], HttpOptions::default());
        assert!(made.is_err(), "{name}");
    }
    let issuer = issuer(JwksSource::Discovery);
    assert!(CitizenVerifier::new(vec![issuer], HttpOptions::default()).is_ok());
}

#[tokio::test]
async fn a_token_names_its_verifier_by_issuer_and_audience() {
    let key = p256("k1");
    let verifier = inline(&key);
    assert!(verifier.is_named_by(&key.token(&claims())));
    // Not verified, so a forged one says so, too.
    assert!(verifier.is_named_by(&p256("k1").token(&claims())));
    for (member, value) in [
        ("iss", json!("https://other.example.org")),
        ("aud", json!("other")),
        ("aud", json!(7)),
    ] {
        let token = key.token(&with(claims(), member, value));
        assert!(!verifier.is_named_by(&token), "{member}");
    }
    for text in ["", "..", "a.b.c", "nonsense"] {
        assert!(!verifier.is_named_by(text));
    }
}
