// Protocol 8.4: no receipt number repeats, and none is skipped but what the site names as missing, which only one may
// that has lost a machine or what its disk had; and never in a series that its machine has opened in its own epoch, and
// has lost nothing since. And what a till was given stays true: the number stands on one entry, the one that the reply
// was about, or nowhere; and that entry, or what was taken in its place (8.2), tells it.
#include "audit/law.h"

namespace holdfast::audit {
namespace {

class ReceiptsHaveNoGap final : public Law {
 public:
  std::string_view name() const override { return "receipts repeat no number and skip none"; }

  void answered(const std::string& site, const WriteId& id, const Answer& answer) override {
    if (!answer.receipt) return;
    ++exercised;
    replies_[site][id][{answer.origin, answer.index}].insert(*answer.receipt);
    const auto [it, is_new] = printed_[site].emplace(*answer.receipt, id);
    if (!is_new && it->second != id)
      breach(site + " has printed the number " + text(*answer.receipt) + " on two receipts");
  }

  void set_back(const MachineFacts& machine, std::int64_t) override {
    has_lost_.insert(machine.site);
    machines_that_lost_.insert(machine.name);
  }

  void at_rest(const Evidence& evidence) override {
    for (const Told& told : evidence.told) {
      std::map<std::pair<std::uint32_t, std::uint64_t>, std::set<std::uint64_t>> series;
      for (const Fact& fact : evidence.lineage_of_site(told.site).facts) {
        if (!fact.receipt) continue;
        ++exercised;
        if (!series[{fact.receipt->till.number, fact.receipt->series.bits}].insert(fact.receipt->n).second)
          breach(told.site + " has the number " + text(*fact.receipt) + " on two entries");
        const auto printed = printed_[told.site].find(*fact.receipt);
        if (printed != printed_[told.site].end() && fact.write && printed->second != *fact.write)
          breach(told.site + " has given the printed number " + text(*fact.receipt) + " to another write");
      }
      check_replies(told.site, evidence.lineage_of_site(told.site));
      std::set<std::uint64_t> whole;
      if (!machines_that_lost_.contains(told.machine)) whole = opened_in_newest(evidence.lineage_of_site(told.site));
      std::set<ReceiptNumber> named;
      if (told.report || has_lost_.contains(told.site)) named.insert(told.missing.begin(), told.missing.end());
      for (const auto& [key, numbers] : series) {
        exercised += whole.contains(key.second);
        std::uint64_t expected = 1;
        for (const std::uint64_t n : numbers)
          for (; expected <= n; ++expected) {
            const ReceiptNumber receipt{TillId{key.first}, SeriesId{key.second}, expected};
            if (expected < n && !named.contains(receipt))
              breach(told.site + " skips the number " + text(receipt) + ", and does not name it as missing");
            if (expected < n && whole.contains(key.second))
              breach(told.site + " skips the number " + text(receipt) + ", and " + told.machine +
                     ", which has opened that series, has lost nothing");
          }
      }
    }
  }

 private:
  using Place = std::pair<std::string, EntryIndex>;

  // What other machines have opened comes in tails, not all of it; and so does what a start has set aside.
  static std::set<std::uint64_t> opened_in_newest(const Lineage& lineage) {
    std::set<std::uint64_t> out;
    each(lineage, [&](const Fact& fact, const Place& place) {
      if (fact.series && place.first == lineage.newest) out.insert(*fact.series);
    });
    return out;
  }
  // A write may stand where no reply has said, by a number that no till was given: one history was lost, and the other
  // has it. But where it stands in the place that a reply named, or was taken again as what stood there, it has, or
  // tells, a number that was printed for that place.
  void check_replies(const std::string& site, const Lineage& lineage) {
    const auto replies = replies_.find(site);
    if (replies == replies_.end()) return;
    each(lineage, [&](const Fact& fact, const Place& place) {
      const auto of_write = fact.write && fact.receipt ? replies->second.find(*fact.write) : replies->second.end();
      if (of_write == replies->second.end()) return;
      for (const Place& where : {place, Place{fact.prior_origin, fact.prior_index}}) {
        const auto printed = of_write->second.find(where);
        if (printed == of_write->second.end()) continue;
        ++exercised;
        const bool is_told =
            printed->second.contains(*fact.receipt) || (fact.printed && printed->second.contains(*fact.printed));
        if (!is_told)
          breach(site + " has printed the number " + text(*printed->second.begin()) + " for entry " +
                 std::to_string(where.second) + " of " + where.first + ", and what was taken has " +
                 text(*fact.receipt));
      }
    });
  }
  template <class F>
  static void each(const Lineage& lineage, const F& f) {
    std::size_t at = 0;
    for (const auto& [origin, size] : lineage.parts)
      for (EntryIndex i = 0; i < size && at < lineage.facts.size(); ++i) f(lineage.facts[at++], Place{origin, i});
  }
  static std::string text(const ReceiptNumber& r) {
    return std::to_string(r.till.number) + "-" + std::to_string(r.series.bits) + "-" + std::to_string(r.n);
  }
  std::map<std::string, std::map<ReceiptNumber, WriteId>> printed_;                             // by site
  std::map<std::string, std::map<WriteId, std::map<Place, std::set<ReceiptNumber>>>> replies_;  // by site
  std::set<std::string> machines_that_lost_;
  std::set<std::string> has_lost_;  // sites of which a disk was set back
};

}  // namespace

std::unique_ptr<Law> receipts_have_no_gap() { return std::make_unique<ReceiptsHaveNoGap>(); }

}  // namespace holdfast::audit
