#include "edge/net/tls_context.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>

#include "edge/net/openssl.h"

namespace holdfast::edge {
namespace {

constexpr unsigned char alpn[] = "\x0aholdfast/1";  // RFC 7301: length, name
constexpr unsigned alpn_bytes = sizeof alpn - 1;
constexpr std::string_view alpn_name = "holdfast/1";
constexpr long peer_certificates_bytes_max = 4096;  // ours has some 250

using openssl::Certificate;
using openssl::Key;
using openssl::Releaser;
using Context = std::unique_ptr<SSL_CTX, Releaser<SSL_CTX_free>>;

std::unexpected<Error> tls_failed(std::string_view doing) {
  return fail("edge/tls_failed", fmt::format("OpenSSL cannot {}: {}. Is OpenSSL 3 installed with its default provider?",
                                             doing, openssl::taken_error()));
}

std::optional<PublicKey> ed25519_key_of(const X509* certificate) {
  if (certificate == nullptr) return std::nullopt;
  const EVP_PKEY* key = ::X509_get0_pubkey(certificate);
  if (key == nullptr || ::EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519) return std::nullopt;
  PublicKey raw{};
  std::size_t size = raw.size();
  if (::EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(raw.data()), &size) != 1 ||
      size != raw.size())
    return std::nullopt;
  return raw;
}

// Stands in for the whole of X.509 path validation: there is no path, only a key.
int any_ed25519_certificate(X509_STORE_CTX* store, void*) {
  if (ed25519_key_of(::X509_STORE_CTX_get0_cert(store))) return 1;
  ::X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
  return 0;
}

int choose_alpn(SSL*, const unsigned char** out, unsigned char* out_bytes, const unsigned char* offered,
                unsigned offered_bytes, void*) {
  unsigned char* chosen = nullptr;
  if (::SSL_select_next_proto(&chosen, out_bytes, alpn, alpn_bytes, offered, offered_bytes) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

Certificate self_signed(EVP_PKEY* key) {
  Certificate certificate(::X509_new());
  X509* c = certificate.get();
  if (c == nullptr) return nullptr;
  X509_NAME* name = ::X509_get_subject_name(c);
  const bool made =
      ::X509_set_version(c, X509_VERSION_3) == 1 && ::ASN1_INTEGER_set(::X509_get_serialNumber(c), 1) == 1 &&
      ::ASN1_TIME_set_string_X509(::X509_getm_notBefore(c), "19700101000000Z") == 1 &&
      ::ASN1_TIME_set_string_X509(::X509_getm_notAfter(c), "99991231235959Z") == 1 &&
      ::X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("holdfast"), -1, -1,
                                   0) == 1 &&
      ::X509_set_issuer_name(c, name) == 1 && ::X509_set_pubkey(c, key) == 1 && ::X509_sign(c, key, nullptr) > 0;
  return made ? std::move(certificate) : nullptr;
}

bool restrict_to_our_ways(SSL_CTX* context) {
  ::SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  ::SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  ::SSL_CTX_set_max_cert_list(context, peer_certificates_bytes_max);
  ::SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  ::SSL_CTX_set_cert_verify_callback(context, any_ed25519_certificate, nullptr);
  ::SSL_CTX_set_alpn_select_cb(context, choose_alpn, nullptr);
  return ::SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
         ::SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 && ::SSL_CTX_set_num_tickets(context, 0) == 1 &&
         ::SSL_CTX_set_max_early_data(context, 0) == 1 && ::SSL_CTX_set1_groups_list(context, "X25519") == 1 &&
         ::SSL_CTX_set1_sigalgs_list(context, "ed25519") == 1 &&
         ::SSL_CTX_set_ciphersuites(
             context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") == 1 &&
         ::SSL_CTX_set_alpn_protos(context, alpn, alpn_bytes) == 0;  // 0 is success in this one
}

}  // namespace

Result<SSL_CTX*> make_tls_context(const TlsSeed& seed) {
  ::ERR_clear_error();
  Key key(::EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(seed.data()),
                                         seed.size()));
  if (!key) return tls_failed("take an Ed25519 key");
  const Certificate certificate = self_signed(key.get());
  if (!certificate) return tls_failed("make a certificate");
  Context context(::SSL_CTX_new(::TLS_method()));
  if (!context) return tls_failed("start TLS");
  if (!restrict_to_our_ways(context.get())) return tls_failed("restrict TLS to version 1.3");
  if (::SSL_CTX_use_certificate(context.get(), certificate.get()) != 1 ||
      ::SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1)
    return tls_failed("use our certificate");
  return context.release();
}

std::optional<PublicKey> authenticated_peer(const SSL* connection) {
  const unsigned char* name = nullptr;
  unsigned name_bytes = 0;
  ::SSL_get0_alpn_selected(connection, &name, &name_bytes);
  if (name == nullptr || std::string_view(reinterpret_cast<const char*>(name), name_bytes) != alpn_name)
    return std::nullopt;
  return ed25519_key_of(::SSL_get0_peer_certificate(connection));
}

}  // namespace holdfast::edge
