#include "core/node/taken_up.h"

#include <algorithm>

#include "core/base/read_file.h"
#include "core/node/site_names.h"

namespace holdfast::node {
namespace {
constexpr std::string_view taken_up_path = "mirror.taken-up";
constexpr std::string_view known_sites_path = "mirror.known";
}  // namespace

// At its first start a first machine counts for all that it mirrors, a rebuilt one for nothing; then for what is
// listed, and where the list is gone for nothing. A site that the chain did not have at the last start begins now, with
// empty hands everywhere. But for one that another mirrored till now, cosigned entries may be with those who do not
// answer: that is to be taken up (4.7), also by who mirrored it once. A copy whose end has rotted may have been longer
// when it was signed for, and of one that cannot be opened nobody knows: they count as lost (2.4, 4.6), also at the
// next start, which does not see the rot any more.
Status TakenUp::load(const Origin& own, const chain::ChainFile& chain, const sync::Replicas& replicas) {
  own_ = own.text();
  HF_TRY(const auto listed, load_names(taken_up_path));
  HF_TRY(const auto known, load_names(known_sites_path));
  std::set<SiteName> of_chain;
  for (const chain::Site& site : chain.sites) {
    of_chain.insert(site.name);
    const bool is_listed = listed ? listed->contains(site.name) : own.epoch == 1 && !known;
    const bool is_new = known && !known->contains(site.name);
    if (chain.is_mirror(own.site, site.name) && (is_listed || is_new)) sites_.insert(site.name);
  }
  for (const auto& [of, replica] : replicas.all())
    if (!replica->log().rotten_end().empty()) sites_.erase(of.site);
  for (const auto& [of, error] : replicas.unopened()) sites_.erase(of.site);
  if (listed != sites_) HF_TRY_VOID(save());
  return known == of_chain ? Status() : save_names(known_sites_path, of_chain);
}

Status TakenUp::save() { return save_names(taken_up_path, sites_); }

// Nothing: it is not there, or of an epoch before this one.
Result<std::optional<std::set<SiteName>>> TakenUp::load_names(std::string_view path) const {
  HF_TRY(const auto bytes, read_if_there(disk_, path));
  const std::string_view text = bytes ? as_text(*bytes) : std::string_view();
  const std::string_view origin = text.substr(0, text.find('\n'));
  if (origin != own_) return std::optional<std::set<SiteName>>();
  return std::optional(site_names_in(text.substr(std::min(origin.size() + 1, text.size()))));
}

Status TakenUp::save_names(std::string_view path, const std::set<SiteName>& names) {
  return disk_.write_all(path, as_bytes(own_ + "\n" + lines_of(names)));
}

Status TakenUp::add(const SiteName& owner) {
  sites_.insert(owner);
  return save();
}

Status TakenUp::remove(const SiteName& owner) {
  sites_.erase(owner);
  return save();
}

Status TakenUp::clear() {
  sites_.clear();
  return save();
}

std::uint64_t TakenUp::longest_told(const Origin& origin) const {
  std::uint64_t longest = 0;
  if (const auto told = told_.find(origin.site); told != told_.end())
    for (const auto& [mirror, held] : told->second)
      if (held.origin == origin) longest = std::max(longest, held.size());
  return longest;
}

}  // namespace holdfast::node
