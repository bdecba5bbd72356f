//! The endpoints that one address leads to. `/dnsaddr/<domain>/<rest>` leads to the multiaddrs in
//! the TXT records of `_dnsaddr.<domain>` that end in `<rest>`, and these may be such addresses
//! again (multiaddr specification, "dnsaddr").

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use basalt_terms::multiaddr::{Endpoint, EndpointError, Multiaddr, Protocol, Scope};

/// What one dial may cost.
#[derive(Clone, Debug)]
pub struct RouteLimits {
    /// Lookups of TXT records. Bounds records that lead to ever more records.
    pub max_lookups: usize,
    /// Endpoints that are tried. Bounds how many hosts a domain can make us dial.
    pub max_dials: usize,
}

impl Default for RouteLimits {
    fn default() -> Self {
        Self {
            max_lookups: 8,
            max_dials: 16,
        }
    }
}

/// What to try next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Look up the texts of this name.
    LookUp(String),
    Dial(Endpoint),
    /// All endpoints were tried.
    End,
}

/// What is left to try.
#[derive(Debug)]
pub(super) struct Route {
    /// The next is the last.
    rest: Vec<Multiaddr>,
    /// What stands after the domain that is being looked up.
    suffix: Option<Multiaddr>,
    /// Which addresses it may lead to.
    scope: Scope,
    limits: RouteLimits,
}

impl Route {
    /// The route of `address`. It must not lead out of `scope`.
    pub(super) fn new(
        address: &Multiaddr,
        scope: Scope,
        limits: RouteLimits,
    ) -> Result<Self, EndpointError> {
        if domain(address).is_none() {
            let endpoint = Endpoint::try_from(address)?.within(scope);
            if !endpoint.is_admitted() {
                return Err(EndpointError::NotPublic);
            }
        }
        Ok(Self {
            rest: vec![address.clone()],
            suffix: None,
            scope,
            limits,
        })
    }

    /// The next step, to an endpoint that `fits`.
    pub(super) fn next(&mut self, fits: impl Fn(&Endpoint) -> bool) -> Step {
        self.suffix = None;
        while let Some(address) = self.rest.pop() {
            if let Some(domain) = domain(&address) {
                if self.limits.max_lookups > 0 {
                    self.limits.max_lookups -= 1;
                    let rest = address.iter().skip(1);
                    self.suffix = Some(rest.fold(Multiaddr::default(), Multiaddr::with));
                    return Step::LookUp(alloc::format!("_dnsaddr.{domain}"));
                }
            } else if let Ok(endpoint) = Endpoint::try_from(&address)
                && fits(&endpoint)
                && endpoint.clone().within(self.scope).is_admitted()
            {
                let Some(left) = self.limits.max_dials.checked_sub(1) else {
                    return Step::End;
                };
                self.limits.max_dials = left;
                return Step::Dial(endpoint.within(self.scope));
            }
        }
        Step::End
    }

    /// The texts that were asked for; their addresses are tried before all others.
    pub(super) fn looked_up<'a>(&mut self, texts: impl DoubleEndedIterator<Item = &'a [u8]>) {
        let Some(suffix) = self.suffix.take() else {
            return;
        };
        let suffix: Vec<Protocol<'_>> = suffix.iter().collect();
        let address = |text: &'a [u8]| -> Option<Multiaddr> {
            let text = core::str::from_utf8(text).ok()?.strip_prefix("dnsaddr=")?;
            let address: Multiaddr = text.parse().ok()?;
            let parts: Vec<Protocol<'_>> = address.iter().collect();
            parts.ends_with(&suffix).then_some(address)
        };
        self.rest.extend(texts.rev().filter_map(address));
    }
}

/// The domain of a dnsaddr.
fn domain(address: &Multiaddr) -> Option<&str> {
    match address.iter().next() {
        Some(Protocol::Dnsaddr(domain)) => Some(domain),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::ToString as _;

    const PEERS: [&str; 2] = [
        "12D3KooWANqfCDrV79MZdMnMqTvDdqSAPSxdgFY1L6DCq2DVGB4D",
        "12D3KooWEXNUbCXooUwHrHBbrmjsrpHXoEphPwbjQXEGyzbqKnE9",
    ];

    fn route(address: &str) -> Route {
        within(address, Scope::Any)
    }

    fn within(address: &str, scope: Scope) -> Route {
        Route::new(&address.parse().unwrap(), scope, RouteLimits::default()).unwrap()
    }

    fn next(route: &mut Route) -> Step {
        route.next(|_| true)
    }

    fn looked_up(route: &mut Route, texts: &[&str]) {
        route.looked_up(texts.iter().map(|text| text.as_bytes()));
    }

    fn to(address: &str) -> Step {
        let address: Multiaddr = address.parse().unwrap();
        Step::Dial(Endpoint::try_from(&address).unwrap().within(Scope::Any))
    }

    fn name(domain: &str) -> Step {
        Step::LookUp(domain.into())
    }

    #[test]
    fn an_endpoint_is_its_only_way() {
        let mut route = route("/ip4/1.2.3.4/tcp/1");
        assert_eq!(next(&mut route), to("/ip4/1.2.3.4/tcp/1"));
        looked_up(&mut route, &["dnsaddr=/ip4/1.2.3.4/tcp/2"]);
        assert_eq!(next(&mut route), Step::End);
        let address: Multiaddr = "/ip4/1.2.3.4/udp/1".parse().unwrap();
        let error = Route::new(&address, Scope::Any, RouteLimits::default()).unwrap_err();
        assert_eq!(error, EndpointError::NotTcp);
    }

    #[test]
    fn records_are_tried_in_order_and_nested_ones_in_their_place() {
        let [a, b] = PEERS;
        let mut route = route("/dnsaddr/a.example");
        assert_eq!(next(&mut route), name("_dnsaddr.a.example"));
        looked_up(
            &mut route,
            &[
                "unrelated=1",
                "dnsaddr=/ip4/1.0.0.1/udp/1/quic-v1",
                "dnsaddr=nonsense",
                &format!("dnsaddr=/dnsaddr/b.example/p2p/{a}"),
                &format!("dnsaddr=/ip4/1.0.0.9/tcp/9/p2p/{b}"),
            ],
        );
        assert_eq!(next(&mut route), name("_dnsaddr.b.example"));
        looked_up(&mut route, &[&format!("dnsaddr=/dns/c/tcp/3/wss/p2p/{a}")]);
        assert_eq!(next(&mut route), to(&format!("/dns/c/tcp/3/wss/p2p/{a}")));
        assert_eq!(next(&mut route), to(&format!("/ip4/1.0.0.9/tcp/9/p2p/{b}")));
        assert_eq!(next(&mut route), Step::End);
    }

    #[test]
    fn what_stands_behind_the_domain_chooses_among_the_records() {
        let [a, b] = PEERS;
        let mut route = route(&format!("/dnsaddr/a.example/tcp/5/p2p/{b}"));
        assert_eq!(next(&mut route), name("_dnsaddr.a.example"));
        looked_up(
            &mut route,
            &[
                &format!("dnsaddr=/ip4/1.0.0.1/tcp/5/p2p/{a}"),
                &format!("dnsaddr=/ip4/1.0.0.2/tcp/6/p2p/{b}"),
                "dnsaddr=/ip4/1.0.0.3/tcp/5",
                &format!("dnsaddr=/ip4/1.0.0.4/tcp/5/p2p/{b}"),
            ],
        );
        assert_eq!(next(&mut route), to(&format!("/ip4/1.0.0.4/tcp/5/p2p/{b}")));
        assert_eq!(next(&mut route), Step::End);
    }

    #[test]
    fn a_stranger_s_name_leads_to_public_addresses_only() {
        let mut direct = within("/dns4/a.example/tcp/1", Scope::Global);
        let Step::Dial(endpoint) = next(&mut direct) else {
            panic!("it is an endpoint");
        };
        assert_eq!(endpoint.scope, Scope::Global);
        let mut records = within("/dnsaddr/a.example", Scope::Global);
        next(&mut records);
        looked_up(
            &mut records,
            &[
                "dnsaddr=/ip4/192.168.0.1/tcp/80",
                "dnsaddr=/ip6/::1/tcp/80",
                "dnsaddr=/ip4/1.0.0.1/tcp/1",
            ],
        );
        let Step::Dial(endpoint) = next(&mut records) else {
            panic!("one is left");
        };
        assert_eq!(endpoint.host.to_string(), "1.0.0.1");
        assert_eq!(next(&mut records), Step::End);
    }

    #[test]
    fn a_circle_and_a_flood_of_records_end() {
        let mut circle = route("/dnsaddr/a.example");
        let mut lookups = 0;
        while next(&mut circle) == name("_dnsaddr.a.example") {
            lookups += 1;
            looked_up(&mut circle, &["dnsaddr=/dnsaddr/a.example"; 2]);
        }
        assert_eq!((lookups, next(&mut circle)), (8, Step::End));

        let mut flood = route("/dnsaddr/a.example");
        next(&mut flood);
        looked_up(&mut flood, &["dnsaddr=/ip4/1.0.0.1/tcp/1"; 100]);
        let dials = core::iter::from_fn(|| match next(&mut flood) {
            Step::Dial(_) => Some(()),
            _ => None,
        });
        assert_eq!(dials.count(), 16);
    }
}
