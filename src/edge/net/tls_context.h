// What every connection between sites insists on: TLS 1.3 alone, an Ed25519 certificate from both sides, ALPN
// "holdfast/1"; no tickets, no resumption, no early data, no renegotiation, no compression.
//
// Shape:  the certificate is signed by the site's own TLS key and holds that key; nothing else in it (name, issuer,
//         dates) is looked at, by us or by the peer (protocol 9.3). Possession of the key is proven by the handshake
//         itself.
// Source: RFC 8446, RFC 8410 (Ed25519 in X.509), RFC 7301 (ALPN).
#pragma once

#include <optional>

#include "core/base/crypto.h"

typedef struct ssl_ctx_st SSL_CTX;
typedef struct ssl_st SSL;

namespace holdfast::edge {

using TlsSeed = ByteArray<32>;  // RFC 8032: the Ed25519 private key

// For both directions. The caller owns it (SSL_CTX_free). edge/tls_failed: OpenSSL's own words.
Result<SSL_CTX*> make_tls_context(const TlsSeed& seed);
// After the handshake: the peer's key; nullopt if the peer did not agree to speak our protocol.
std::optional<PublicKey> authenticated_peer(const SSL* connection);

}  // namespace holdfast::edge
