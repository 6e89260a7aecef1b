// Protocol 8.4: no receipt number repeats, and none is skipped but what the site names as missing, which only one may
// that has lost a machine or what its disk had. And what a till was given stays true: the number stands on one entry,
// the one that the reply was about, or nowhere.
#include "audit/law.h"

namespace holdfast::audit {
namespace {

class ReceiptsHaveNoGap final : public Law {
 public:
  std::string_view name() const override { return "receipts repeat no number and skip none"; }

  void answered(const std::string& site, const WriteId& id, const Answer& answer) override {
    if (!answer.receipt) return;
    ++exercised;
    const auto [it, is_new] = printed_[site].emplace(*answer.receipt, id);
    if (!is_new && it->second != id)
      breach(site + " has printed the number " + text(*answer.receipt) + " on two receipts");
  }

  void set_back(const MachineFacts& machine, std::int64_t) override { has_lost_.insert(machine.site); }

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
      std::set<ReceiptNumber> named;
      if (told.report || has_lost_.contains(told.site)) named.insert(told.missing.begin(), told.missing.end());
      for (const auto& [key, numbers] : series) {
        std::uint64_t expected = 1;
        for (const std::uint64_t n : numbers)
          for (; expected <= n; ++expected) {
            const ReceiptNumber receipt{TillId{key.first}, SeriesId{key.second}, expected};
            if (expected < n && !named.contains(receipt))
              breach(told.site + " skips the number " + text(receipt) + ", and does not name it as missing");
          }
      }
    }
  }

 private:
  static std::string text(const ReceiptNumber& r) {
    return std::to_string(r.till.number) + "-" + std::to_string(r.series.bits) + "-" + std::to_string(r.n);
  }
  std::map<std::string, std::map<ReceiptNumber, WriteId>> printed_;  // by site
  std::set<std::string> has_lost_;                                   // sites of which a disk was set back
};

}  // namespace

std::unique_ptr<Law> receipts_have_no_gap() { return std::make_unique<ReceiptsHaveNoGap>(); }

}  // namespace holdfast::audit
