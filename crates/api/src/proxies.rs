//! The caller's network. `X-Forwarded-For` counts only from proxies on the configured list
//! (`conventions.md` ModI-36), read from the right: the last address no listed proxy wrote.

use std::net::IpAddr;

use actix_web::dev::ServiceRequest;

/// The proxies we believe.
#[derive(Debug, Clone, Default)]
pub struct Proxies(pub Vec<IpAddr>);

impl Proxies {
    /// The caller's network: a whole IPv4 address, the first 64 bits of an IPv6 one.
    pub fn network_of(&self, request: &ServiceRequest) -> String {
        let peer = request.peer_addr().map(|address| address.ip());
        let address = match peer {
            Some(peer) if self.0.contains(&peer) => self.forwarded(request).unwrap_or(peer),
            Some(peer) => peer,
            None => return "unknown".to_owned(),
        };
        match address.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        }
    }

    fn forwarded(&self, request: &ServiceRequest) -> Option<IpAddr> {
        let lines = request
            .headers()
            .get_all("x-forwarded-for")
            .filter_map(|value| value.to_str().ok());
        let hops: Vec<IpAddr> = lines
            .flat_map(|line| line.split(','))
            .filter_map(|hop| hop.trim().parse().ok())
            .collect();
        hops.into_iter().rev().find(|hop| !self.0.contains(hop))
    }
}
