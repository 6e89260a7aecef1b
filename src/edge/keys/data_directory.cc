#include "edge/keys/data_directory.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/node/node.h"
#include "edge/keys/file_signer.h"
#include "edge/keys/private_files.h"
#include "edge/posix/data_lock.h"
#include "edge/posix/posix_disk.h"

namespace holdfast::keys {
namespace {

constexpr std::string_view marker_start = "holdfast site v1\nsite ";
// A stored file may hold an operations-signed note and the root-signed one.
constexpr std::size_t stored_chain_bytes_max = 2 * chain::chain_file_bytes_max;

// The keys in DIR must be those of epoch 1 in the file, or those of the certificate that lies there.
Status check_keys(const std::string& directory, const SiteName& site, const chain::ChainFile& file) {
  const chain::Site* named = file.find(site);
  if (named == nullptr)
    return fail("keys/wrong_site",
                fmt::format("the chain file names no site {}; take the file that does", site.view()));
  HF_TRY(const std::unique_ptr<FileSigner> signer, FileSigner::open(directory, site));
  if (signer->public_keys() == named->keys) return {};
  const std::string certificate_file = fmt::format("{}/{}", directory, node::certificate_path);
  auto note = read_public_file(certificate_file, chain::certificate_bytes_max);
  if (!note && note.error().code == "keys/not_found")
    return fail("keys/wrong_site",
                fmt::format("the chain file names other keys for {} than those in {}/keys (fingerprint here: {}); sign "
                            "this machine's {}.pub.toml, or adopt in the right directory",
                            site.view(), directory, chain::fingerprint({site, signer->public_keys()}), site.view()));
  HF_TRY(const std::string text, std::move(note));
  HF_TRY(const chain::Certificate certificate, chain::open_certificate(file, text));
  if (certificate.site != site || certificate.keys != signer->public_keys())
    return fail("keys/wrong_site", fmt::format("{} is not for the keys in {}/keys", certificate_file, directory));
  return {};
}

}  // namespace

Result<chain::PublicKeysFile> make_site_directory(const std::string& directory, const SiteName& site) {
  HF_TRY_VOID(check_missing_or_empty(directory));
  HF_TRY_VOID(edge::check_root_stays_out(directory));
  HF_TRY_VOID(make_private_directory(directory));
  chain::PublicKeysFile out{site, {}};
  const std::pair<Use, PublicKey*> all[] = {{Use::log, &out.keys.log},
                                            {Use::cosign, &out.keys.cosign},
                                            {Use::tls, &out.keys.tls},
                                            {Use::sealing, &out.keys.sealing}};
  for (const auto& [use, pub] : all) {
    const PrivateKey key = make_key(use, site.view());
    HF_TRY_VOID(write_key(directory + "/keys", key));
    *pub = key.pub;
  }
  HF_TRY_VOID(create_public_file(fmt::format("{}/{}.pub.toml", directory, site.view()), chain::public_keys_text(out)));
  HF_TRY_VOID(create_public_file(fmt::format("{}/{}", directory, site_marker_name),
                                 fmt::format("{}{}\n", marker_start, site.view())));
  return out;
}

Result<SiteName> read_site_marker(const std::string& directory) {
  auto text = read_public_file(fmt::format("{}/{}", directory, site_marker_name), 256);
  if (!text && text.error().code == "keys/not_found")
    return fail(
        "keys/not_found",
        fmt::format("{} is no data directory of a site (it has no file {}); `holdfast site keygen NAME --into {}` "
                    "makes one",
                    directory, site_marker_name, directory));
  if (!text) {
    HF_TRY_VOID(edge::check_owner(directory));  // whoever may not look is told who may
  }
  HF_TRY(const std::string marker, std::move(text));
  if (marker.starts_with(marker_start) && marker.ends_with('\n'))
    if (const auto site = chain::site_name_of(
            std::string_view(marker).substr(marker_start.size(), marker.size() - marker_start.size() - 1)))
      return *site;
  return fail("keys/bad_file", fmt::format("{}/{} is damaged; it must read \"holdfast site v1\", then \"site NAME\"",
                                           directory, site_marker_name));
}

Status write_enrolment(const std::string& directory, const Enrolment& enrolment) {
  return create_private_file(directory + "/" + enrolment_file_name(enrolment.site), enrolment_text(enrolment));
}

Result<Enrolment> read_enrolment(const std::string& directory, const SiteName& site) {
  HF_TRY(const std::string text, read_public_file(directory + "/" + enrolment_file_name(site), 4096));
  HF_TRY(Enrolment enrolment, parse_enrolment(text));
  if (enrolment.site != site)
    return fail("keys/bad_enrolment", fmt::format("the enrolment file in {} is for {}, not for {}", directory,
                                                  enrolment.site.view(), site.view()));
  return enrolment;
}

Result<chain::ChainFile> read_chain_file(const std::string& directory) {
  const std::string path = fmt::format("{}/{}", directory, node::chain_file_path);
  auto text = read_public_file(path, stored_chain_bytes_max);
  if (!text && text.error().code == "keys/not_found")
    return fail("keys/not_found",
                fmt::format("{} is not there; `holdfast site adopt {} CHAINFILE` puts the signed chain file in place",
                            path, directory));
  HF_TRY(const std::string signed_text, std::move(text));
  auto file = chain::open_chain_file(signed_text);
  if (!file) return fail(file.error().code, fmt::format("{}: {}", path, file.error().text));
  return file;
}

namespace {

// By the switch file that the node keeps beside its journal; one that cannot be read means sealed.
bool is_sealed(const std::string& directory) {
  const auto text = read_public_file(fmt::format("{}/{}", directory, node::posture_path));
  if (!text) return text.error().code != "keys/not_found";
  return node::read_posture_switch(*text).posture == guard::Posture::sealed;
}

}  // namespace

Result<Adopted> adopt_chain_file(const std::string& directory, std::string_view signed_text,
                                 const std::vector<chain::Certified>& goes_by) {
  HF_TRY(const SiteName site, read_site_marker(directory));
  Adopted out;
  auto known_text = read_public_file(fmt::format("{}/{}", directory, node::chain_file_path), stored_chain_bytes_max);
  if (known_text) {
    const auto known = chain::open_chain_file(*known_text);
    if (!known)
      return fail(
          "keys/damaged",
          fmt::format("The chain file that lies here ({}/{}) cannot be read ({}), so nobody can say whether this "
                      "one is newer. Make sure that it is the chain's newest (holdfast chain show FILE), move "
                      "the damaged one away, and adopt again.",
                      directory, node::chain_file_path, known.error().text));
    if (*known_text == signed_text) return Adopted{*known, false, {}};
    HF_TRY(out.file, chain::open_successor(*known, signed_text));
    chain::ChainFile as_known = *known;
    as_known.certified.insert(as_known.certified.end(), goes_by.begin(), goes_by.end());
    out.openings = chain::openings(as_known, out.file);
    if (!out.openings.empty() && is_sealed(directory))
      return fail(
          "keys/sealed",
          fmt::format("This site is sealed, and this chain file opens something ({}{}). A sealed site takes only "
                      "what narrows (protocol 9.1); unseal it first, if that is safe.",
                      out.openings.front(), out.openings.size() > 1 ? ", and more" : ""));
  } else if (known_text.error().code == "keys/not_found") {
    HF_TRY(out.file, chain::open_chain_file(signed_text));
  } else {
    return pass_on(std::move(known_text).error());
  }
  HF_TRY_VOID(check_keys(directory, site, out.file));
  HF_TRY(const std::unique_ptr<edge::PosixDisk> disk, edge::PosixDisk::open_root(directory));
  HF_TRY_VOID(disk->write_all(node::chain_file_path, as_bytes(signed_text)));
  return out;
}

}  // namespace holdfast::keys
