// Promise 2, 3: what was cosigned survives the loss of its site, with f mirrors lost or lying besides; and all that was
// ever cosigned of a journal, at whatever sizes, is of the one history that is there at the end. A spare goes on from
// the size of its own copy (5.2): what was cosigned beyond that comes back from the mirrors, each write by its key
// (5.3).
#include <algorithm>
#include <iterator>

#include "audit/law.h"

namespace holdfast::audit {
namespace {

class CosignedIsKept final : public Law {
 public:
  std::string_view name() const override { return "cosigned is kept"; }

  void at_rest(const Evidence& evidence) override {
    for (const auto& [origin, notes] : evidence.cosigned) {
      const auto parts = parts_of(origin, evidence.chain.chain);
      const auto disk = evidence.disks.find(parts->site);
      if (disk == evidence.disks.end() || notes.empty()) continue;
      const Lineage& lineage = evidence.lineage_of_site(parts->site);
      const auto kept = lineage.kept.find(origin);
      const auto given_up = evidence.given_up.find(origin);
      const auto end = given_up == evidence.given_up.end() ? notes.end() : notes.upper_bound(given_up->second);
      if (end == notes.begin()) continue;
      const std::uint64_t size = std::prev(end)->first;
      const std::uint64_t here = kept == lineage.kept.end() ? 0 : kept->second;
      if (here < size) {
        if (here == 0 || !is_continued_by_a_spare(evidence, lineage, origin)) {
          breach(std::to_string(size) + " entries of " + origin + " were cosigned, and the site goes on from " +
                 std::to_string(here));
          continue;
        }
        came_back(evidence, lineage, origin, here, *std::prev(end));
      }
      std::set<std::uint64_t> sizes;
      for (const auto& [at, root] : notes)
        if (at <= here) sizes.insert(at);
      for (const auto& [at, root] : roots_at(disk->second.at(origin), sizes)) {
        ++exercised;
        if (root != notes.at(at))
          breach("the first " + std::to_string(at) + " entries of " + origin + " are not those that were cosigned");
      }
    }
  }

 private:
  static bool is_continued_by_a_spare(const Evidence& evidence, const Lineage& lineage, const std::string& origin) {
    const auto before = parts_of(origin, evidence.chain.chain);
    std::map<std::uint32_t, std::string> later;
    for (const auto& [next, size] : lineage.kept)
      if (const auto parts = parts_of(next, evidence.chain.chain); parts && before && parts->epoch > before->epoch)
        later[parts->epoch] = next;
    return !later.empty() && std::ranges::any_of(evidence.machines, [&](const auto& m) {
      return m.second.origin == later.begin()->second && m.second.is_spare && !m.second.is_thief;
    });
  }

  // On whichever disk they are, by the root that was cosigned: each write of them is in the site's journal, or, if
  // it is no sale, on its list.
  void came_back(const Evidence& evidence, const Lineage& lineage, const std::string& origin, std::uint64_t first,
                 const std::pair<const std::uint64_t, Sha256>& cosigned) {
    const std::uint64_t end = cosigned.first;
    std::set<WriteId> taken, listed;
    for (const Fact& fact : lineage.facts)
      if (fact.write) (fact.kind == Fact::Kind::listed ? listed : taken).insert(*fact.write);
    for (const auto& [site, journals] : evidence.disks) {
      const auto journal = journals.find(origin);
      if (journal == journals.end() || journal->second.entries.size() < end) continue;
      if (roots_at(journal->second, {end}).at(end) != cosigned.second) continue;  // another history of it
      for (std::uint64_t i = first; i < end; ++i) {
        const auto fact = read_entry(journal->second.entries[i]);
        if (!fact) breach("entry " + std::to_string(i) + " of " + origin + " was cosigned, and can be read by nobody");
        if (!fact || !fact->write) continue;
        ++exercised;
        const bool is_enough_listed = fact->kind != Fact::Kind::sale && listed.contains(*fact->write);
        if (!taken.contains(*fact->write) && !is_enough_listed)
          breach("entry " + std::to_string(i) + " of " + origin + " was cosigned, and what it says is not at the site");
      }
      return;
    }
    breach("the first " + std::to_string(end) + " entries of " + origin + " were cosigned, and no disk has them");
  }
};

}  // namespace

std::unique_ptr<Law> cosigned_is_kept() { return std::make_unique<CosignedIsKept>(); }

}  // namespace holdfast::audit
