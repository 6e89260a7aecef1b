// Protocol 4.1: a mirror stores the entries durably, then it cosigns. So after a crash they are on its disk.
#include <algorithm>

#include "audit/law.h"
#include "schema/links_generated.h"

namespace holdfast::audit {
namespace {

class MirrorHolds final : public Law {
 public:
  std::string_view name() const override { return "a mirror holds what it has signed"; }

  void heard(const Evidence&, const Letter& letter) override {
    const auto* cosignature = letter.message->body_as_Cosignature();
    if (cosignature == nullptr || cosignature->origin() == nullptr || letter.from->is_thief) return;
    if (const auto it = set_back_.find(letter.from->name); it != set_back_.end() && letter.sent_ns <= it->second)
      return;
    std::uint64_t& most = signed_[letter.from->name][cosignature->origin()->str()];
    most = std::max(most, cosignature->size());
  }
  void set_back(const MachineFacts& machine, std::int64_t now_ns) override {
    signed_.erase(machine.name);
    set_back_[machine.name] = now_ns;
  }
  void looked_at(const MachineFacts& machine, const std::map<std::string, Journal>& journals) override {
    const auto mine = signed_.find(machine.name);
    if (mine == signed_.end()) return;
    for (const auto& [origin, size] : mine->second) {
      ++exercised;
      const auto it = journals.find(origin);
      // Of a history that its owner's successor did not keep, beside the one that it did.
      const std::uint64_t held =
          it == journals.end() ? 0 : std::max<std::uint64_t>(it->second.entries.size(), it->second.beside_longest);
      if (held < size)
        breach(machine.name + " has signed " + std::to_string(size) + " entries of " + origin + " and holds " +
               std::to_string(held));
    }
  }

 private:
  std::map<std::string, std::map<std::string, std::uint64_t>> signed_;  // machine -> origin -> largest size
  std::map<std::string, std::int64_t> set_back_;
};

}  // namespace

std::unique_ptr<Law> mirror_holds_what_it_signed() { return std::make_unique<MirrorHolds>(); }

}  // namespace holdfast::audit
