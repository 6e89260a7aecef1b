// Protocol 7.1, 7.2: the state of a follower is the fold of its own journal and of what that names. Every prefix that
// it names lies on its disk and has the root that it names, and was cosigned, or kept by a registration; and what its
// pages say of another site is what the entries of the newest one say, and nothing where it names none. And nothing is
// named for what others have named alone, or two who follow each other would write for ever (7.3); but for the end of
// what was kept (13.31).
#include <algorithm>

#include "audit/law.h"
#include "schema/links_generated.h"

namespace holdfast::audit {
namespace {

// What pages say of another site, by its entries.
Told::Peer fold(const std::vector<Fact>& facts) {
  Told::Peer out;
  for (const Fact& fact : facts) {
    if (fact.kind == Fact::Kind::listed) continue;
    if (fact.kind == Fact::Kind::sale) ++out.sales;
    if (fact.kind == Fact::Kind::sale) out.gross_minor += fact.total_minor;
    if (fact.kind == Fact::Kind::refund) out.gross_minor -= fact.total_minor;
    take_goods(out, fact);
  }
  return out;
}

class FollowersAgree final : public Law {
 public:
  std::string_view name() const override { return "a follower is the fold of what its journal names"; }

  void heard(const Evidence&, const Letter& letter) override {
    if (letter.from->is_thief) return;
    const fbs::Message& m = *letter.message;
    if (const auto* r = m.body_as_Register()) keeps(r->registration());
    if (const auto* s = m.body_as_Seal()) keeps(s->registration());
    if (const auto* s = m.body_as_Superseded()) keeps(s->registration());
    if (const auto* h = m.body_as_Hello()) keeps(h->registration());
  }

  void at_rest(const Evidence& evidence) override {
    for (const auto& [site, lineage] : evidence.lineages)
      for (const Fact& fact : lineage.facts)
        if (!fact.registration.empty()) keeps(fact.registration);
    for (const Told& told : evidence.told) look_at(evidence, told, evidence.disks.at(told.site));
  }

 private:
  // Sealed by a quorum or not: who has heard of it may follow as far (7.2, 7.4).
  void keeps(const flatbuffers::String* registration) {
    if (registration != nullptr) keeps(registration->str());
  }
  void keeps(const std::string& registration) {
    if (const auto continued = continued_by(registration)) kept_[continued->origin].insert(continued->size);
  }
  void look_at(const Evidence& evidence, const Told& told, const std::map<std::string, Journal>& disk) {
    std::map<std::string, Prefix> newest;                          // by site
    std::map<std::string, std::map<std::uint64_t, Sha256>> named;  // by origin
    for (const Fact& fact : evidence.lineage_of_site(told.site).facts) {
      for (const Prefix& prefix : fact.followed) {
        const auto before = named.find(prefix.origin);
        check_used(told, prefix, before == named.end() ? 0 : before->second.rbegin()->first, disk);
        take(evidence, prefix, newest, named);
      }
      if (!fact.succeeded) continue;
      take(evidence, fact.succeeded->kept, newest, named);
    }
    for (const auto& [origin, roots] : named) {
      check_roots(told, origin, roots, disk);
      check_cosigned(evidence, told, origin, roots.rbegin()->first);
    }
    for (const auto& [site, peer] : told.peers)
      if (peer != Told::Peer() && !newest.contains(site))
        breach(told.machine + " says that " + site + " has made " + std::to_string(peer.sales) +
               " sales, or has goods or prices, and its journal follows nothing of it");
    for (const auto& [site, prefix] : newest) check_trade(told, site, prefix, disk);
  }
  static void take(const Evidence& evidence, const Prefix& prefix, std::map<std::string, Prefix>& newest,
                   std::map<std::string, std::map<std::uint64_t, Sha256>>& named) {
    if (prefix.size > 0) named[prefix.origin][prefix.size] = prefix.root;
    if (const auto parts = parts_of(prefix.origin, evidence.chain.chain)) newest[parts->site] = prefix;
  }
  void check_roots(const Told& told, const std::string& origin, const std::map<std::uint64_t, Sha256>& roots,
                   const std::map<std::string, Journal>& disk) {
    const auto journal = disk.find(origin);
    std::set<std::uint64_t> sizes;
    for (const auto& [size, root] : roots) sizes.insert(size);
    if (journal == disk.end() || journal->second.entries.size() < *sizes.rbegin())
      return breach(told.machine + " has followed " + origin + " to " + std::to_string(*sizes.rbegin()) +
                    ", and does not hold that");
    for (const auto& [size, root] : roots_at(journal->second, sizes)) {
      ++exercised;
      if (root != roots.at(size))
        breach(told.machine + " holds other entries of " + origin + " than it has followed to " + std::to_string(size));
    }
  }
  // Since it was named before.
  void check_used(const Told& told, const Prefix& prefix, std::uint64_t first,
                  const std::map<std::string, Journal>& disk) {
    const auto journal = disk.find(prefix.origin);
    const bool is_end = kept_.contains(prefix.origin) && kept_.at(prefix.origin).contains(prefix.size);
    if (is_end || journal == disk.end() || journal->second.entries.size() < prefix.size || first >= prefix.size) return;
    ++exercised;
    for (std::uint64_t i = first; i < prefix.size; ++i)
      if (const auto fact = read_entry(journal->second.entries[i]); !fact || fact->followed.empty()) return;
    breach(told.machine + " has named entries " + std::to_string(first) + " to " + std::to_string(prefix.size) +
           " of " + prefix.origin + ", and they do nothing but name others");
  }
  void check_cosigned(const Evidence& evidence, const Told& told, const std::string& origin, std::uint64_t size) {
    const auto notes = evidence.cosigned.find(origin);
    const std::uint64_t cosigned =
        notes == evidence.cosigned.end() || notes->second.empty() ? 0 : notes->second.rbegin()->first;
    const auto it = kept_.find(origin);
    const std::uint64_t kept = it == kept_.end() ? 0 : *it->second.rbegin();
    ++exercised;
    if (size > std::max(cosigned, kept))
      breach(told.machine + " has followed " + origin + " to " + std::to_string(size) + "; " +
             std::to_string(cosigned) + " of it were cosigned, and " + std::to_string(kept) + " kept");
  }
  void check_trade(const Told& told, const std::string& site, const Prefix& prefix,
                   const std::map<std::string, Journal>& disk) {
    const auto said = told.peers.find(site);
    const Lineage lineage = lineage_to(disk, prefix.origin, prefix.size);
    if (!lineage.problem.empty()) return breach(told.machine + " follows what it does not hold: " + lineage.problem);
    ++exercised;
    if (said == told.peers.end()) return breach(told.machine + " follows " + site + " and says nothing of it");
    const Told::Peer is = fold(lineage.facts);
    const Told::Peer& says = said->second;
    const std::string begin = told.machine + " says of " + site + ", which it follows: ";
    if (says.sales != is.sales || says.gross_minor != is.gross_minor)
      breach(begin + std::to_string(says.sales) + " sales; what it follows has " + std::to_string(is.sales));
    if (says.held > 0) breach(begin + std::to_string(says.held) + " price lists wait, and all were accepted");
    check_prices(begin, says, is);
    if (says.dispatched != is.dispatched || says.arrived != is.arrived)
      breach(begin + "other goods on the way than its entries say");
    if (says.on_hand != is.on_hand) breach(begin + "other stock than its entries give");
  }
  // Those beyond a bound wait for a person, and at rest people have accepted all; so they are as they were listed last.
  void check_prices(const std::string& begin, const Told::Peer& says, const Told::Peer& is) {
    for (const auto& [sku, price] : is.prices) {
      ++exercised;
      const auto shown = says.prices.find(sku);
      if (shown == says.prices.end() || shown->second != price)
        breach(begin + sku + " costs " + (shown == says.prices.end() ? "nothing" : std::to_string(shown->second)) +
               ", and it has listed it last at " + std::to_string(price) + " (millionths)");
    }
    if (says.prices.size() != is.prices.size()) breach(begin + "prices that it has not listed");
  }

  std::map<std::string, std::set<std::uint64_t>> kept_;  // by origin: what registrations go on from
};

}  // namespace

std::unique_ptr<Law> followers_agree() { return std::make_unique<FollowersAgree>(); }

}  // namespace holdfast::audit
