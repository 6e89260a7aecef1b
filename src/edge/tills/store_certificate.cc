#include "edge/tills/store_certificate.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "core/base/read_file.h"
#include "edge/keys/private_files.h"
#include "edge/net/openssl.h"
#include "edge/posix/posix_disk.h"

namespace holdfast::tills {
namespace {

constexpr Duration authority_lasts = days(3650), leaf_lasts = days(397), back_dated = days(2);
// 2026-01-01. A clock from before this program was written has lost its battery; an authority made by it would have to
// be installed on every till again once the clock is right.
constexpr Instant clock_min{1'767'225'600'000'000'000};
constexpr unsigned char alpn[] = "\x08http/1.1";
constexpr std::string_view private_names =
    "permitted;IP:10.0.0.0/255.0.0.0,permitted;IP:172.16.0.0/255.240.0.0,permitted;IP:192.168.0.0/255.255.0.0,"
    "permitted;IP:169.254.0.0/255.255.0.0,permitted;IP:127.0.0.0/255.0.0.0,"
    "permitted;IP:fc00::/fe00::,permitted;IP:fe80::/ffc0::,"
    "permitted;IP:::1/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,"
    "permitted;DNS:local,permitted;DNS:internal,permitted;DNS:lan,permitted;DNS:home.arpa,permitted;DNS:localhost";

using edge::openssl::Certificate;
using edge::openssl::Key;
using edge::openssl::Releaser;
using Stream = std::unique_ptr<BIO, Releaser<BIO_free_all>>;
using Extension = std::unique_ptr<X509_EXTENSION, Releaser<X509_EXTENSION_free>>;

std::unexpected<Error> failed(std::string_view doing) {
  return fail("tills/failed", fmt::format("OpenSSL cannot {}: {}", doing, edge::openssl::taken_error()));
}
std::unexpected<Error> bad_certificate() {
  ::ERR_clear_error();
  return fail("tills/bad_certificate", "a certificate below store-ca or store-tls cannot be read; move it away");
}

Stream reader(const std::string& text) { return Stream(::BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }
std::string taken(const Stream& stream) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(stream.get(), &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}
std::string pem_of(X509* certificate) {
  const Stream out(::BIO_new(::BIO_s_mem()));
  return ::PEM_write_bio_X509(out.get(), certificate) == 1 ? taken(out) : std::string();
}
std::string private_pem(EVP_PKEY* key) {
  const Stream out(::BIO_new(::BIO_s_secmem()));
  return ::PEM_write_bio_PKCS8PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1 ? taken(out)
                                                                                                     : std::string();
}
std::string public_pem(EVP_PKEY* key) {
  const Stream out(::BIO_new(::BIO_s_mem()));
  return ::PEM_write_bio_PUBKEY(out.get(), key) == 1 ? taken(out) : std::string();
}
// A key of ours: on P-256 and nothing else.
bool is_p256(const Key& key) {
  char group[32] = {};
  return key && ::EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_EC &&
         ::EVP_PKEY_get_group_name(key.get(), group, sizeof group, nullptr) == 1 &&
         std::string_view(group) == "prime256v1";
}
// A text of the other machine may call itself encrypted: without this, OpenSSL would ask at the terminal, or read
// stdin, and whoever waits for the answer sells nothing.
int no_pass_phrase(char*, int, int, void*) { return -1; }

Key private_key_of(const std::string& pem) {
  Key key(::PEM_read_bio_PrivateKey(reader(pem).get(), nullptr, no_pass_phrase, nullptr));
  return is_p256(key) ? std::move(key) : nullptr;
}
Key public_key_of(const std::string& pem) {
  Key key(::PEM_read_bio_PUBKEY(reader(pem).get(), nullptr, no_pass_phrase, nullptr));
  return is_p256(key) ? std::move(key) : nullptr;
}
// The certificates of a PEM file, in their order.
std::vector<Certificate> certificates_of(const std::string& pem) {
  std::vector<Certificate> out;
  const Stream in = reader(pem);
  while (X509* each = ::PEM_read_bio_X509(in.get(), nullptr, no_pass_phrase, nullptr)) out.emplace_back(each);
  ::ERR_clear_error();
  return out;
}

std::optional<std::string> address_bytes(const std::string& name) {
  std::string out(16, '\0');
  if (::inet_pton(AF_INET, name.c_str(), out.data()) == 1) return out.substr(0, 4);
  if (::inet_pton(AF_INET6, name.c_str(), out.data()) == 1) return out;
  return std::nullopt;
}
std::string san_of(const std::string& name) { return (address_bytes(name) ? "IP:" : "DNS:") + name; }
// As a constraint: one address, or the name and what lies below it.
std::string permitted(const std::string& name) {
  const auto address = address_bytes(name);
  if (!address) return ",permitted;DNS:" + name;
  return fmt::format(",permitted;IP:{}/{}", name,
                     address->size() == 4 ? "255.255.255.255" : "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

std::time_t seconds_of(Instant at) { return static_cast<std::time_t>(at.unix_ns / 1'000'000'000); }
Result<Instant> instant_of(const ASN1_TIME* time) {
  std::tm broken{};
  if (time == nullptr || ::ASN1_TIME_to_tm(time, &broken) != 1) return bad_certificate();
  return Instant{static_cast<std::int64_t>(::timegm(&broken)) * 1'000'000'000};
}

Result<Validity> dates_of(const X509* certificate) {
  Validity out;
  HF_TRY(out.from, instant_of(::X509_get0_notBefore(certificate)));
  HF_TRY(out.to, instant_of(::X509_get0_notAfter(certificate)));
  return out;
}
std::string to_the_second(Instant at) {
  return to_text(at).substr(0, std::string_view("2026-11-22T14:03:05").size()) + "Z";
}
std::unexpected<Error> wrong_dates(std::string_view whose, const X509* certificate, Instant now) {
  const auto holds = dates_of(certificate);
  if (!holds) return pass_on(holds.error());
  return fail("tills/clock",
              fmt::format("this machine's clock says {}; {} certificate holds from {} to {}. Is the clock right?",
                          to_the_second(now), whose, to_the_second(holds->from), to_the_second(holds->to)));
}

bool extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  ::X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(::X509V3_EXT_nconf_nid(nullptr, &context, nid, value.c_str()));
  return extension && ::X509_add_ext(certificate, extension.get(), -1) == 1;
}
bool begin(X509* c, std::string_view organisation, std::string_view name, EVP_PKEY* key, Instant from, Instant to) {
  unsigned char serial[16];
  if (::RAND_bytes(serial, sizeof serial) != 1) return false;
  serial[0] = static_cast<unsigned char>((serial[0] & 0x7f) | 0x40);  // positive, and always as long
  const std::unique_ptr<BIGNUM, Releaser<BN_free>> number(::BN_bin2bn(serial, sizeof serial, nullptr));
  X509_NAME* subject = ::X509_get_subject_name(c);
  const auto add = [&](const char* field, std::string_view text) {
    return ::X509_NAME_add_entry_by_txt(subject, field, MBSTRING_UTF8,
                                        reinterpret_cast<const unsigned char*>(text.data()),
                                        static_cast<int>(text.size()), -1, 0) == 1;
  };
  return number && ::X509_set_version(c, X509_VERSION_3) == 1 &&
         ::BN_to_ASN1_INTEGER(number.get(), ::X509_get_serialNumber(c)) != nullptr &&
         ::ASN1_TIME_set(::X509_getm_notBefore(c), seconds_of(from)) != nullptr &&
         ::ASN1_TIME_set(::X509_getm_notAfter(c), seconds_of(to)) != nullptr && add("O", organisation) &&
         add("CN", name) && ::X509_set_pubkey(c, key) == 1;
}

Key new_key() { return Key(EVP_EC_gen("P-256")); }

Result<std::string> read_pem(const std::string& path) {
  keys::Secret<pem_bytes_max> bytes;
  HF_TRY(const std::size_t size, keys::read_private_file(path, bytes));
  return std::string(reinterpret_cast<const char*>(bytes.data()), size);
}
// The private key below `path`, made where it is missing.
Result<std::string> key_at(const std::string& directory, std::string_view path) {
  const std::string file = fmt::format("{}/{}", directory, path);
  HF_TRY_VOID(keys::make_private_directory(std::filesystem::path(file).parent_path().string()));
  std::error_code ignored;
  if (std::filesystem::exists(file, ignored)) return read_pem(file);
  const Key key = new_key();
  std::string pem = key ? private_pem(key.get()) : std::string();
  if (pem.empty()) return failed("make a key on P-256");
  HF_TRY_VOID(keys::create_private_file(file, pem));
  return pem;
}

Result<std::string> make_authority(EVP_PKEY* key, std::string_view site, const std::vector<std::string>& names,
                                   Instant now) {
  std::string constraints = "critical," + std::string(private_names);
  for (const std::string& name : names) constraints += permitted(name);
  const Certificate c(::X509_new());
  const bool made = c &&
                    begin(c.get(), "Holdfast", fmt::format("Holdfast store {}", site), key, now - back_dated,
                          now + authority_lasts) &&
                    ::X509_set_issuer_name(c.get(), ::X509_get_subject_name(c.get())) == 1 &&
                    extend(c.get(), c.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
                    extend(c.get(), c.get(), NID_key_usage, "critical,keyCertSign,cRLSign") &&
                    extend(c.get(), c.get(), NID_ext_key_usage, "serverAuth") &&
                    extend(c.get(), c.get(), NID_subject_key_identifier, "hash") &&
                    extend(c.get(), c.get(), NID_name_constraints, constraints) &&
                    ::X509_sign(c.get(), key, ::EVP_sha256()) > 0;
  if (!made) return failed("make the store's certificate");
  return pem_of(c.get());
}

// As a browser looks at it: chain, dates, purpose, name constraints.
Status verified(X509* leaf, X509* authority, Instant now, const std::vector<std::string>& names) {
  const std::unique_ptr<X509_STORE, Releaser<X509_STORE_free>> store(::X509_STORE_new());
  const std::unique_ptr<X509_STORE_CTX, Releaser<X509_STORE_CTX_free>> context(::X509_STORE_CTX_new());
  if (!store || !context || ::X509_STORE_add_cert(store.get(), authority) != 1 ||
      ::X509_STORE_CTX_init(context.get(), store.get(), leaf, nullptr) != 1)
    return failed("check a certificate");
  ::X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_SERVER);
  ::X509_STORE_CTX_set_time(context.get(), 0, seconds_of(now));
  if (::X509_verify_cert(context.get()) == 1) return {};
  const int error = ::X509_STORE_CTX_get_error(context.get());
  ::ERR_clear_error();
  if (error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID)
    return wrong_dates("the store's", authority, now);
  if (error == X509_V_ERR_PERMITTED_VIOLATION) {
    std::string all;
    for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
    return fail("tills/name_outside",
                fmt::format("the store's certificate was not made for {}: it holds for private networks and the names "
                            "that it was made with; use such a name, or {}",
                            all, new_authority_takes));
  }
  return fail("tills/bad_certificate", fmt::format("the store's certificate does not sign this machine's: {}",
                                                   ::X509_verify_cert_error_string(error)));
}

std::set<std::string> names_in(X509* certificate) {
  std::set<std::string> out;
  const std::unique_ptr<GENERAL_NAMES, Releaser<GENERAL_NAMES_free>> names(
      static_cast<GENERAL_NAMES*>(::X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    const ASN1_STRING* text = name->type == GEN_IPADD ? name->d.iPAddress
                              : name->type == GEN_DNS ? name->d.dNSName
                                                      : nullptr;
    if (text != nullptr)
      out.emplace(reinterpret_cast<const char*>(::ASN1_STRING_get0_data(text)),
                  static_cast<std::size_t>(::ASN1_STRING_length(text)));
  }
  return out;
}

}  // namespace

Status check_name(std::string_view name) {
  const bool is_dns = !name.empty() && name.size() <= 253 && name.front() != '.' && name.front() != '-' &&
                      name.back() != '.' && std::ranges::all_of(name, [](char c) {
                        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
                      });
  if (address_bytes(std::string(name)) || (is_dns && name.find("..") == std::string_view::npos)) return {};
  return fail("tills/bad_name", fmt::format("\"{}\" is no IP address and no DNS name in lower case", name));
}

bool is_same_name(const std::string& a, const std::string& b) {
  return address_bytes(a).value_or(a) == address_bytes(b).value_or(b);
}

Result<Authority> open_authority(const std::string& directory, std::string_view site,
                                 const std::vector<std::string>& names, Instant now) {
  ::ERR_clear_error();
  for (const std::string& name : names) HF_TRY_VOID(check_name(name));
  Authority out;
  HF_TRY(const auto disk, edge::PosixDisk::open_root(directory));
  HF_TRY(const auto there, read_if_there(*disk, ca_certificate_path));
  if (!there && now < clock_min)
    return fail("tills/clock",
                fmt::format("this machine's clock says {}, which is before this program was written: the store's "
                            "certificate is made as soon as the clock is right",
                            to_the_second(now)));
  HF_TRY(out.key, key_at(directory, ca_key_path));
  const Key key = private_key_of(out.key);
  if (!key) return bad_certificate();
  if (there) {
    out.certificate = as_text(*there);
    const auto certificates = certificates_of(out.certificate);
    if (certificates.size() != 1 || ::X509_check_private_key(certificates[0].get(), key.get()) != 1)
      return bad_certificate();
    return out;
  }
  HF_TRY(out.certificate, make_authority(key.get(), site, names, now));
  HF_TRY_VOID(disk->write_all(ca_certificate_path, as_bytes(out.certificate)));
  return out;
}

Status keep_authority(const std::string& directory, const Authority& authority) {
  const auto certificates = certificates_of(authority.certificate);
  const Key key = private_key_of(authority.key);
  if (!key || certificates.size() != 1 || ::X509_check_private_key(certificates[0].get(), key.get()) != 1)
    return bad_certificate();
  const std::string file = fmt::format("{}/{}", directory, ca_key_path);
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) {
    HF_TRY_VOID(keys::make_private_directory(std::filesystem::path(file).parent_path().string()));
    HF_TRY_VOID(keys::create_private_file(file, authority.key));
  }
  HF_TRY(const std::string there, read_pem(file));
  if (there != authority.key) return {};
  HF_TRY(const auto disk, edge::PosixDisk::open_root(directory));
  return disk->write_all(ca_certificate_path, as_bytes(authority.certificate));
}

Result<MachineKey> open_machine_key(const std::string& directory) {
  MachineKey out;
  HF_TRY(out.key, key_at(directory, tls_key_path));
  const Key key = private_key_of(out.key);
  if (!key) return bad_certificate();
  out.public_key = public_pem(key.get());
  return out;
}

Result<std::string> issue(const Authority& authority, const std::string& public_key,
                          const std::vector<std::string>& names, Instant now) {
  ::ERR_clear_error();
  if (names.empty()) return fail("tills/bad_name", "a machine needs a name that tills call it by");
  std::string san;
  for (const std::string& name : names) {
    HF_TRY_VOID(check_name(name));
    san += (san.empty() ? "" : ",") + san_of(name);
  }
  const auto issuers = certificates_of(authority.certificate);
  const Key issuer_key = private_key_of(authority.key), key = public_key_of(public_key);
  if (issuers.size() != 1 || !issuer_key || !key) return bad_certificate();
  X509* issuer = issuers[0].get();
  HF_TRY(const Instant authority_ends, instant_of(::X509_get0_notAfter(issuer)));
  const Certificate c(::X509_new());
  // Where no DNS name is signed, OpenSSL holds a common name that looks like one against the constraints: this does
  // not.
  const bool made = c &&
                    begin(c.get(), "Holdfast", "till machine " + names[0].substr(0, 48), key.get(), now - back_dated,
                          std::min(now - back_dated + leaf_lasts, authority_ends)) &&
                    ::X509_set_issuer_name(c.get(), ::X509_get_subject_name(issuer)) == 1 &&
                    extend(c.get(), issuer, NID_basic_constraints, "critical,CA:FALSE") &&
                    extend(c.get(), issuer, NID_key_usage, "critical,digitalSignature") &&
                    extend(c.get(), issuer, NID_ext_key_usage, "serverAuth") &&
                    extend(c.get(), issuer, NID_subject_key_identifier, "hash") &&
                    extend(c.get(), issuer, NID_authority_key_identifier, "keyid:always") &&
                    extend(c.get(), issuer, NID_subject_alt_name, san) &&
                    ::X509_sign(c.get(), issuer_key.get(), ::EVP_sha256()) > 0;
  if (!made) return failed("make this machine's certificate");
  HF_TRY_VOID(verified(c.get(), issuer, now, names));
  return pem_of(c.get()) + authority.certificate;
}

bool is_for(const std::string& leaf_and_authority, const std::string& public_key,
            const std::vector<std::string>& names) {
  const auto chain = certificates_of(leaf_and_authority);
  const Key key = public_key_of(public_key);
  if (chain.size() != 2 || !key) return false;
  X509* leaf = chain[0].get();
  std::set<std::string> wanted;
  for (const std::string& name : names) wanted.insert(address_bytes(name).value_or(name));
  return ::EVP_PKEY_eq(::X509_get0_pubkey(leaf), key.get()) == 1 && names_in(leaf) == wanted;
}

bool is_due(const std::string& leaf_and_authority, const std::string& public_key, const std::vector<std::string>& names,
            Instant now) {
  if (!is_for(leaf_and_authority, public_key, names)) return true;
  const auto chain = certificates_of(leaf_and_authority);
  const auto leaf = dates_of(chain[0].get()), authority = dates_of(chain[1].get());
  if (!leaf || !authority) return true;
  // A clock from before the authority was made is wrong: what is there stays good for everybody else.
  if (now < authority->from) return false;
  if (now < leaf->from) return true;
  // Cut at its authority's end: another would last no longer.
  if (leaf->to >= authority->to) return false;
  return (now - leaf->from).ns > (leaf->to - leaf->from).ns / 2;
}

Result<std::string> authority_of(const std::string& leaf_and_authority) {
  const auto chain = certificates_of(leaf_and_authority);
  if (chain.size() != 2) return bad_certificate();
  return pem_of(chain[1].get());
}

Result<std::string> fingerprint(const std::string& certificate) {
  const auto all = certificates_of(certificate);
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (all.size() != 1 || ::X509_digest(all[0].get(), ::EVP_sha256(), hash, &size) != 1) return bad_certificate();
  std::string out;
  for (unsigned i = 0; i < size; ++i) out += fmt::format("{}{:02X}", i == 0 ? "" : ":", hash[i]);
  return out;
}

Result<Validity> validity_of(const std::string& certificate) {
  const auto all = certificates_of(certificate);
  if (all.empty()) return bad_certificate();
  return dates_of(all[0].get());
}

Status check_dates(const std::string& leaf_and_authority, Instant now) {
  const auto all = certificates_of(leaf_and_authority);
  if (all.empty()) return bad_certificate();
  // The authority first: with it the leaf does not hold either, and only it asks for a round of all tills.
  for (std::size_t i = all.size(); i-- > 0;) {
    HF_TRY(const Validity holds, dates_of(all[i].get()));
    if (now < holds.from || holds.to < now)
      return wrong_dates(i + 1 == all.size() ? "the store's" : "this machine's", all[i].get(), now);
  }
  return {};
}

Result<std::shared_ptr<SSL_CTX>> server_context(const std::string& key, const std::string& leaf_and_authority) {
  ::ERR_clear_error();
  std::shared_ptr<SSL_CTX> context(::SSL_CTX_new(::TLS_server_method()), ::SSL_CTX_free);
  if (!context) return failed("start TLS");
  const auto chain = certificates_of(leaf_and_authority);
  const Key own = private_key_of(key);
  if (chain.size() != 2 || !own) return bad_certificate();
  SSL_CTX* c = context.get();
  ::SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  ::SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
  ::SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
  ::SSL_CTX_set_alpn_select_cb(
      c,
      [](SSL*, const unsigned char** out, unsigned char* out_bytes, const unsigned char* offered, unsigned bytes,
         void*) {
        unsigned char* chosen = nullptr;
        if (::SSL_select_next_proto(&chosen, out_bytes, alpn, sizeof alpn - 1, offered, bytes) !=
            OPENSSL_NPN_NEGOTIATED)
          return SSL_TLSEXT_ERR_NOACK;
        *out = chosen;
        return SSL_TLSEXT_ERR_OK;
      },
      nullptr);
  const bool set = ::SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) == 1 && ::SSL_CTX_set_num_tickets(c, 0) == 1 &&
                   ::SSL_CTX_set_max_early_data(c, 0) == 1 && ::SSL_CTX_set1_groups_list(c, "X25519:P-256") == 1 &&
                   ::SSL_CTX_use_certificate(c, chain[0].get()) == 1 &&
                   SSL_CTX_add1_chain_cert(c, chain[1].get()) == 1 && ::SSL_CTX_use_PrivateKey(c, own.get()) == 1 &&
                   ::SSL_CTX_check_private_key(c) == 1;
  if (!set) return failed("use this machine's certificate");
  return context;
}

}  // namespace holdfast::tills
