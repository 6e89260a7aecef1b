// Promise 4: a cut link passes nothing, and cutting needs nobody else. What was sent after a person at either end had
// cut the link, or sealed the site, must not arrive; not after a restart either. Its own spare stays inside a seal
// (10.1).
#include "audit/law.h"
#include "schema/links_generated.h"

namespace holdfast::audit {
namespace {

class CutPassesNothing final : public Law {
 public:
  std::string_view name() const override { return "a cut link passes nothing"; }

  void cut(const std::string& machine, const std::string& site, std::int64_t now_ns) override {
    since_[machine].try_emplace(site, now_ns);
  }
  void healed(const std::string& machine, const std::string& site) override { since_[machine].erase(site); }
  void set_back(const MachineFacts& machine, std::int64_t) override { since_.erase(machine.name); }

  void heard(const Evidence&, const Letter& letter) override {
    if (letter.from->site == letter.to->site) return;
    // Whose new machine it is nobody can tell before it has said so, and each end greets whom it cannot place.
    if (letter.message->body_as_Hello() != nullptr) {
      greeted_.emplace(letter.from->name, letter.connection);
      exercised += has_cut(letter.to->name, letter.from->site);  // he knocks
      return;
    }
    look(*letter.from, *letter.to, letter);
    // Nor if its greeting was lost: the next word is its last then.
    const bool is_unknown =
        !letter.from->origin.ends_with("/1") && !greeted_.contains({letter.from->name, letter.connection});
    // Whoever stands still cannot send away who knocks; what was said to him is dropped when he wakes.
    if (!letter.finds_sleeper && !is_unknown) look(*letter.to, *letter.from, letter);
  }

 private:
  bool has_cut(const std::string& machine, const std::string& site) const {
    const auto it = since_.find(machine);
    return it != since_.end() && (it->second.contains(site) || it->second.contains(std::string()));
  }
  void look(const MachineFacts& here, const MachineFacts& there, const Letter& letter) {
    const auto it = since_.find(here.name);
    if (it == since_.end()) return;
    for (const std::string& which : {there.site, std::string()}) {
      const auto cut = it->second.find(which);
      if (cut == it->second.end()) continue;
      ++exercised;  // what was sent before and is still on its way arrives
      if (letter.sent_ns > cut->second)
        breach(letter.from->name + " has reached " + letter.to->name + " over a link that " + here.name + " has cut");
    }
  }

  std::set<std::pair<std::string, std::uint64_t>> greeted_;           // who, on which connection
  std::map<std::string, std::map<std::string, std::int64_t>> since_;  // machine -> site (empty: all) -> when
};

}  // namespace

std::unique_ptr<Law> cut_passes_nothing() { return std::make_unique<CutPassesNothing>(); }

}  // namespace holdfast::audit
