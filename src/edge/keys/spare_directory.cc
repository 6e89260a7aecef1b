#include "edge/keys/spare_directory.h"

#include <fmt/format.h>

#include <filesystem>

#include "core/node/node.h"
#include "core/node/spare_copy.h"
#include "edge/keys/data_directory.h"
#include "edge/keys/key_file.h"
#include "edge/keys/private_files.h"
#include "edge/keys/promotion_code.h"
#include "edge/people/credentials.h"
#include "edge/posix/data_lock.h"
#include "edge/posix/posix_disk.h"
#include "edge/tills/machine.h"

namespace holdfast::keys {
namespace {

constexpr std::string_view sealed_name = "keys/promotion.sealed";
constexpr std::size_t sealed_bytes_max = 4096;

bool exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

// Written once; after an interruption it is there already, and must be the same.
Status write_key_once(const std::string& directory, const PrivateKey& key) {
  const std::string path = join(directory, "keys/" + key_file_name(key));
  if (!exists(path)) return write_key(join(directory, "keys"), key);
  HF_TRY(const PrivateKey there, read_key(path, key.use));
  if (there.pub != key.pub) return fail("keys/bad_file", fmt::format("{} is another key than the sealed one", path));
  return {};
}

// The newest copy of the credential store that can be used. Nobody could look into it before the code was typed, and
// what is in it is the node's word: a spoilt one must not keep the store shut, so then people are enrolled anew (11.2).
// The store's authority comes along with it; without it the tills trust this machine as long as its own leaf lasts.
Result<bool> take_people(Disk& disk, const std::string& directory, Entropy& entropy, const PrivateKey& sealing) {
  for (const std::string_view path : {node::spare_credentials_path, node::spare_credentials_before_path}) {
    const auto box = disk.read_all(path);
    if (!box) continue;
    const auto opened = unseal(sealing, *box);
    const auto copy = opened ? tills::unpack_store_copy(*opened) : tills::unpack_store_copy({});
    if (!copy) continue;
    const Status imported = people::import_credentials(disk, entropy, copy->credentials);
    if (imported && copy->authority) {
      const Status kept = tills::keep_authority(directory, *copy->authority);
      if (!kept && kept.error().code != "tills/bad_certificate") return pass_on(kept.error());
    }
    if (imported) return true;
    if (imported.error().code != "people/damaged") return pass_on(imported.error());
  }
  return false;
}

Status fill_spare_directory(const std::string& directory, const SiteName& site, NewSpare& out) {
  HF_TRY(const std::string code, read_promotion_code(out.code));
  const PrivateKey tls = make_key(Use::tls, site.view());
  HF_TRY_VOID(write_key(join(directory, "keys"), tls));
  out.keys.keys.tls = tls.pub;
  Secret<sealed_seeds_bytes> seeds;
  std::size_t at = 0;
  for (const auto& [use, pub] : {std::pair(Use::log, &out.keys.keys.log), std::pair(Use::cosign, &out.keys.keys.cosign),
                                 std::pair(Use::sealing, &out.keys.keys.sealing)}) {
    const PrivateKey key = make_key(use, site.view());
    std::copy(key.seed.data(), key.seed.data() + 32, seeds.data() + at);
    at += 32;
    *pub = key.pub;
  }
  HF_TRY_VOID(create_private_file(join(directory, sealed_name), as_text(seal_seeds(site, code, seeds))));
  ByteArray<32> token;
  randombytes_buf(token.data(), token.size());
  HF_TRY_VOID(create_private_file(join(directory, "admin.token"), to_hex(token) + "\n"));
  HF_TRY_VOID(create_public_file(join(directory, site.str() + ".pub.toml"), chain::public_keys_text(out.keys)));
  return create_public_file(join(directory, site_marker_name), fmt::format("holdfast site v1\nsite {}\n", site.view()));
}

}  // namespace

bool is_spare_directory(const std::string& directory) { return exists(join(directory, sealed_name)); }
bool is_promoted(const std::string& directory) {
  return is_spare_directory(directory) && exists(join(directory, "keys/log.key"));
}

Result<NewSpare> make_spare_directory(const std::string& directory, const SiteName& site,
                                      const std::string& code_file) {
  HF_TRY_VOID(check_missing_or_empty(directory));
  HF_TRY_VOID(edge::check_root_stays_out(directory));
  HF_TRY_VOID(make_private_directory(directory));
  NewSpare out{{site, {}}, make_promotion_code()};
  if (!code_file.empty()) HF_TRY_VOID(create_private_file(code_file, fmt::format("{} {}\n", site.view(), out.code)));
  if (const Status filled = fill_spare_directory(directory, site, out); !filled) {
    std::error_code ignored;
    if (!code_file.empty()) std::filesystem::remove(code_file, ignored);  // else somebody prints it
    return pass_on(filled.error());
  }
  return out;
}

Status adopt_spare(const std::string& directory, std::string_view chain_text, std::string_view certificate_note) {
  HF_TRY(const SiteName site, read_site_marker(directory));
  if (!is_spare_directory(directory))
    return fail("keys/wrong_site", fmt::format("{} is no directory of a spare; `holdfast spare keygen {} --into {}` "
                                               "makes one",
                                               directory, site.view(), directory));
  if (is_promoted(directory))
    return fail("keys/wrong_site",
                "this spare has been promoted: it is the store's node now; use `holdfast site adopt`");
  chain::ChainFile file;
  if (auto known = read_chain_file(directory)) {
    auto there = read_public_file(join(directory, node::chain_file_path), 2 * chain::chain_file_bytes_max);
    if (there && *there == chain_text)
      file = std::move(*known);
    else {
      HF_TRY(file, chain::open_successor(*known, chain_text));
    }
  } else {
    HF_TRY(file, chain::open_chain_file(chain_text));
  }
  std::string note(certificate_note);
  if (note.empty()) {
    HF_TRY(note, read_public_file(join(directory, node::certificate_path), chain::certificate_bytes_max));
  }
  HF_TRY(const chain::Certificate certificate, chain::open_unrevoked_certificate(file, note));
  HF_TRY(const std::string text, read_public_file(join(directory, site.str() + ".pub.toml"), 4096));
  HF_TRY(const chain::PublicKeysFile made, chain::parse_public_keys(text));
  HF_TRY(const PrivateKey tls, read_key(join(directory, "keys/tls.key"), Use::tls));
  if (certificate.site != site || certificate.keys != made.keys || tls.pub != made.keys.tls)
    return fail("keys/wrong_site",
                fmt::format("the certificate is not for the keys in {}; sign its {}.pub.toml", directory, site.view()));
  if (!certificate.spare)
    return fail("keys/wrong_site",
                "the certificate is one for a rebuild, not for a spare; sign it with `holdfast recovery sign --spare`");
  HF_TRY(const auto disk, edge::PosixDisk::open_root(directory));
  HF_TRY_VOID(disk->write_all(node::certificate_path, as_bytes(note)));
  return disk->write_all(node::chain_file_path, as_bytes(chain_text));
}

Error not_ready(std::string_view why) {
  return {"spare/not_ready",
          fmt::format("This spare cannot open the store as it is: {}. Nothing was changed, and the code stays good. If "
                      "the store's machine still runs, link the two: it gives this one what is missing. If it is gone "
                      "for good, rebuild the store from its mirrors: `holdfast site rebuild`.",
                      why)};
}

Result<Promoted> promote_directory(const std::string& directory, std::string_view typed_code, Entropy& entropy) {
  HF_TRY(const std::string code, read_promotion_code(typed_code));
  HF_TRY(const SiteName site, read_site_marker(directory));
  if (!is_spare_directory(directory))
    return fail("keys/wrong_site", fmt::format("{} is no directory of a spare", directory));
  Secret<sealed_bytes_max> sealed;
  HF_TRY(const std::size_t size, read_private_file(join(directory, sealed_name), sealed));
  HF_TRY(const Secret<sealed_seeds_bytes> seeds, open_seeds(site, code, ByteView(sealed.bytes()).first(size)));
  const auto seed = [&](std::size_t i) { return std::span<const std::byte, 32>(seeds.bytes().data() + 32 * i, 32); };
  const PrivateKey log = key_of_seed(Use::log, site.view(), seed(0));
  const PrivateKey cosign = key_of_seed(Use::cosign, site.view(), seed(1));
  const PrivateKey sealing = key_of_seed(Use::sealing, site.view(), seed(2));
  HF_TRY(const std::string note,
         read_public_file(join(directory, node::certificate_path), chain::certificate_bytes_max));
  HF_TRY(const chain::ChainFile file, read_chain_file(directory));
  HF_TRY(const chain::Certificate certificate, chain::open_unrevoked_certificate(file, note));
  if (certificate.keys.log != log.pub || certificate.keys.sealing != sealing.pub)
    return fail("keys/wrong_site", "the certificate here is not for the keys under this code");
  Promoted out;
  HF_TRY(auto disk, edge::PosixDisk::open_root(directory));
  if (is_promoted(directory)) {
    out.has_people = exists(join(directory, people::credentials_path));
    out.was_promoted = true;
    return out;
  }
  HF_TRY_VOID(write_key_once(directory, cosign));
  HF_TRY_VOID(write_key_once(directory, sealing));
  HF_TRY(out.has_people, take_people(*disk, directory, entropy, sealing));
  HF_TRY_VOID(write_key_once(directory, log));
  return out;
}

}  // namespace holdfast::keys
