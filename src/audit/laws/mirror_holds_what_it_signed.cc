// Protocol 4.1: a mirror stores the entries durably, then it cosigns. So after a crash they are on its disk: as many,
// and those that it has signed.
#include <algorithm>
#include <iterator>

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
    Signed& mine = signed_[letter.from->name][cosignature->origin()->str()];
    mine.most = std::max(mine.most, cosignature->size());
    if (const auto* bytes = cosignature->signature())
      mine.seen_in_no_note.insert(to_bytes(ByteView(reinterpret_cast<const std::byte*>(bytes->data()), bytes->size())));
  }
  void called_cosigned(const Evidence&, const MachineFacts&, const CosignedNote& note) override { look_at(note); }
  void set_back(const MachineFacts& machine, std::int64_t now_ns) override {
    signed_.erase(machine.name);
    set_back_[machine.name] = now_ns;
  }
  void looked_at(const MachineFacts& machine, const std::map<std::string, Journal>& journals) override {
    const auto mine = signed_.find(machine.name);
    if (mine == signed_.end()) return;
    static const Journal nothing;
    for (auto& [origin, said] : mine->second) {
      ++exercised;
      const auto it = journals.find(origin);
      const Journal& journal = it == journals.end() ? nothing : it->second;
      std::uint64_t held = journal.entries.size();
      for (const std::vector<Bytes>& other : journal.beside) held = std::max<std::uint64_t>(held, other.size());
      if (held < said.most)
        breach(machine.name + " has signed " + std::to_string(said.most) + " entries of " + origin + " and holds " +
               std::to_string(held));
      compare(machine, origin, said, journal);
    }
  }

 private:
  struct Signed {
    std::uint64_t most = 0;
    std::set<Bytes> seen_in_no_note;        // cosignatures: they do not say of which root they are
    std::map<std::uint64_t, Sha256> roots;  // by size, since the last look
  };

  // The note says of which root they are. By their bytes, for a note may come long after what is in it was signed.
  void look_at(const CosignedNote& note) {
    for (const auto& [machine, signature] : note.by) {
      const auto by = signed_.find(machine);
      if (by == signed_.end()) continue;
      const auto mine = by->second.find(note.checkpoint.origin);
      if (mine == by->second.end() || mine->second.seen_in_no_note.erase(signature) == 0) continue;
      const auto [it, is_new] = mine->second.roots.emplace(note.checkpoint.size, note.checkpoint.root);
      if (!is_new && it->second != note.checkpoint.root)
        breach(machine + " has signed two histories of " + note.checkpoint.origin + " of " +
               std::to_string(note.checkpoint.size) + " entries");
    }
  }
  // A history that its owner's successor did not keep lies beside the one that it did (4.3, 5.2).
  void compare(const MachineFacts& machine, const std::string& origin, Signed& said, const Journal& journal) {
    std::set<std::uint64_t> sizes;
    for (const auto& [size, root] : said.roots) sizes.insert(size);
    if (sizes.empty()) return;
    std::vector<std::map<std::uint64_t, Sha256>> histories{roots_at(journal, sizes)};
    for (const std::vector<Bytes>& other : journal.beside) histories.push_back(roots_at(other, sizes));
    for (const auto& signed_root : said.roots) {
      ++exercised;
      const std::uint64_t size = signed_root.first;
      const auto is_of = [&](const auto& roots) {
        const auto it = roots.find(size);
        return it != roots.end() && it->second == signed_root.second;
      };
      if (std::ranges::none_of(histories, is_of))
        breach(machine.name + " has signed the first " + std::to_string(size) + " entries of " + origin +
               " and holds others");
    }
    said.roots.erase(said.roots.begin(), std::prev(said.roots.end()));  // the largest stands for what is before it
  }

  std::map<std::string, std::map<std::string, Signed>> signed_;  // machine -> origin
  std::map<std::string, std::int64_t> set_back_;
};

}  // namespace

std::unique_ptr<Law> mirror_holds_what_it_signed() { return std::make_unique<MirrorHolds>(); }

}  // namespace holdfast::audit
