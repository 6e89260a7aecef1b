#include "core/chain/chain.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/base/crockford.h"

namespace holdfast::chain {
namespace {

constexpr std::array<std::pair<SiteKind, std::string_view>, 5> kinds = {{{SiteKind::head_office, "head-office"},
                                                                         {SiteKind::warehouse, "warehouse"},
                                                                         {SiteKind::store, "store"},
                                                                         {SiteKind::web_shop, "web-shop"},
                                                                         {SiteKind::desk, "desk"}}};

bool names(const std::vector<SiteName>& list, const SiteName& name) {
  return std::ranges::find(list, name) != list.end();
}

}  // namespace

std::string_view to_text(SiteKind kind) {
  for (const auto& [known, text] : kinds)
    if (known == kind) return text;
  HF_CHECK(false, "site kind {}", static_cast<int>(kind));
}

std::optional<SiteKind> site_kind_of(std::string_view text) {
  for (const auto& [kind, known] : kinds)
    if (known == text) return kind;
  return std::nullopt;
}

bool ChainFile::operator==(const ChainFile& o) const {
  return chain == o.chain && version == o.version && currency.code == o.currency.code &&
         currency.decimals == o.currency.decimals && languages == o.languages && vat_rates == o.vat_rates &&
         bounds == o.bounds && quorum == o.quorum && lying_mirrors == o.lying_mirrors && root == o.root &&
         recovery == o.recovery && operations == o.operations && former_root == o.former_root && within == o.within &&
         sites == o.sites && revoked == o.revoked && certified == o.certified;
}

const Site* ChainFile::find(const SiteName& name) const {
  const auto found = std::ranges::find(sites, name, &Site::name);
  return found == sites.end() ? nullptr : &*found;
}

bool ChainFile::is_revoked(const SiteName& site, std::uint32_t epoch) const {
  return std::ranges::find(revoked, std::pair(site, epoch)) != revoked.end();
}

const Certified* ChainFile::find_certified(const SiteName& site, std::uint32_t epoch) const {
  const auto found =
      std::ranges::find_if(certified, [&](const Certified& c) { return c.site == site && c.epoch == epoch; });
  return found == certified.end() ? nullptr : &*found;
}

const VatRate* ChainFile::vat(const VatCode& code) const {
  const auto found = std::ranges::find(vat_rates, code, &VatRate::code);
  return found == vat_rates.end() ? nullptr : &*found;
}

unsigned ChainFile::honest_any(const Site& site) const {
  const auto n = static_cast<unsigned>(site.mirrors.size());
  HF_CHECK(n >= quorum, "{} mirrors of {}, quorum {}", n, site.name.view(), quorum);
  return n - quorum + lying_mirrors + 1;
}

bool ChainFile::is_mirror(const SiteName& mirror, const SiteName& owner) const {
  const Site* site = find(owner);
  return site != nullptr && names(site->mirrors, mirror);
}

bool ChainFile::follows(const SiteName& follower, const SiteName& owner) const {
  const Site* site = find(follower);
  return site != nullptr && names(site->follows, owner);
}

bool ChainFile::linked(const SiteName& a, const SiteName& b) const {
  if (a == b) return false;
  if (is_mirror(a, b) || is_mirror(b, a) || follows(a, b) || follows(b, a)) return true;
  return std::ranges::any_of(sites, [&](const Site& s) { return names(s.mirrors, a) && names(s.mirrors, b); });
}

std::vector<std::string> openings(const ChainFile& known, const ChainFile& next) {
  std::vector<std::string> out;
  for (const Site& site : next.sites) {
    const Site* before = known.find(site.name);
    if (before == nullptr) {
      out.push_back(fmt::format("{} joins the chain", site.name.view()));
      continue;
    }
    for (const SiteName& mirror : site.mirrors)
      if (!names(before->mirrors, mirror)) out.push_back(fmt::format("{} mirrors {}", mirror.view(), site.name.view()));
    for (const SiteName& followed : site.follows)
      if (!names(before->follows, followed))
        out.push_back(fmt::format("{} follows {}", site.name.view(), followed.view()));
    if (site.link_address != before->link_address)
      out.push_back(fmt::format("{} is reached at {}", site.name.view(), site.link_address));
    if (site.keys != before->keys) out.push_back(fmt::format("{} has new keys", site.name.view()));
  }
  for (const auto& [site, epoch] : known.revoked)
    if (!next.is_revoked(site, epoch))
      out.push_back(fmt::format("the certificate of {} for epoch {} counts again", site.view(), epoch));
  for (const Certified& c : next.certified)
    if (const Certified* before = known.find_certified(c.site, c.epoch); before == nullptr || !(*before == c))
      out.push_back(fmt::format("the certificate of {} for epoch {} counts by its name", c.site.view(), c.epoch));
  if (next.bounds.price_change_percent_max > known.bounds.price_change_percent_max)
    out.push_back(fmt::format("price_change_percent_max rises to {}", next.bounds.price_change_percent_max));
  if (next.bounds.mirror_bytes_a_day > known.bounds.mirror_bytes_a_day)
    out.push_back(fmt::format("mirror_bytes_a_day rises to {}", next.bounds.mirror_bytes_a_day));
  if (next.bounds.mirror_entries_a_day > known.bounds.mirror_entries_a_day)
    out.push_back(fmt::format("mirror_entries_a_day rises to {}", next.bounds.mirror_entries_a_day));
  return out;
}

std::string root_key_name(std::string_view chain, std::string_view name) {
  return fmt::format("{}/root/{}", chain, name);
}
std::string recovery_key_name(std::string_view chain, std::string_view name) {
  return fmt::format("{}/recovery/{}", chain, name);
}
std::string operations_key_name(std::string_view chain) { return fmt::format("{}/operations/key", chain); }

std::string crockford_groups(ByteView bytes) {
  HF_CHECK(bytes.size() % 5 == 0, "{} bytes", bytes.size());
  std::string out;
  std::size_t count = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 5) {
    std::uint64_t forty = 0;
    for (std::size_t j = 0; j < 5; ++j) forty = forty << 8 | std::to_integer<std::uint64_t>(bytes[i + j]);
    for (int shift = 35; shift >= 0; shift -= 5) {
      if (count != 0 && count % 4 == 0) out += '-';
      out += crockford_digits[forty >> shift & 31];
      ++count;
    }
  }
  return out;
}

std::string fingerprint(const PublicKeysFile& file) {
  Bytes all = to_bytes(as_bytes("holdfast fingerprint v1\n" + file.site.str() + "\n"));
  for (const PublicKey* key : {&file.keys.log, &file.keys.cosign, &file.keys.tls, &file.keys.sealing})
    all.insert(all.end(), key->begin(), key->end());
  const Hash hash = sha256(all);
  return crockford_groups(ByteView(hash).first(10));
}

}  // namespace holdfast::chain
