// The auditor: told what happens, it says which law was broken first, and how often each was really asked.
#pragma once

#include "audit/law.h"

namespace holdfast::audit {

class Auditor {
 public:
  explicit Auditor(ChainFacts chain);

  // A ceremony hands out a machine's public keys; `origin` is the journal that it writes or will write.
  void knows(const MachineFacts& machine);
  // At a ceremony people have chosen a clean point: what stands behind it in that journal is given up.
  void given_up(const std::string& origin, std::uint64_t from) { evidence_.given_up[origin] = from; }
  bool is_given_up(const std::string& origin, EntryIndex index) const { return evidence_.is_given_up(origin, index); }
  // From now on more than f mirrors of the site lie, or its image and those of its mirrors are in one hand.
  void is_overrun(const std::string& site) { evidence_.overrun.insert(site); }
  // Whether a checkpoint of this journal was cosigned that is not of the history on this disk.
  bool has_seen_fraud(const std::string& origin, const Files& files) const;
  void asked(const std::string& site, const WriteId& id, const Asked& what);
  void answered(const std::string& site, const WriteId& id, const Answer& answer);
  // The till that kept this write is lost. What was acknowledged of it is kept by the disk of its machine alone.
  void forgets(const std::string& site, const WriteId& id) { evidence_.forgotten[site].insert(id); }
  // A message that has arrived; bytes as they were sent. Of machines that nobody has named it knows nothing.
  struct Sent {
    std::string from, to;
    std::int64_t sent_ns = 0, now_ns = 0;
    std::uint64_t connection = 0;
    bool finds_sleeper = false;  // the machine that it reaches stands still, and looks at it later
  };
  void heard(const Sent& sent, ByteView bytes);
  void started(const std::string& machine, std::int64_t now_ns);
  void set_back(const std::string& machine, std::int64_t now_ns);
  void cut(const std::string& machine, const std::string& site, std::int64_t now_ns);
  void healed(const std::string& machine, const std::string& site);
  void look_at(const std::string& machine, const Files& files);
  void at_rest(std::vector<Told> told);

  std::string broken() const;                         // the first law broken, or empty
  std::string broken_of(std::string_view law) const;  // by this one
  std::uint64_t cosigned() const;                     // different checkpoints seen to be
  struct Count {
    std::string_view law;
    std::uint64_t exercised = 0;
  };
  std::vector<Count> counts() const;

 private:
  std::optional<CosignedNote> look_at_note(std::string_view text);
  void called_cosigned(const MachineFacts& by, std::string_view text);
  template <class F>
  void each(const F& f) {
    for (const auto& law : laws_) f(*law);
  }
  Evidence evidence_;
  std::set<Sha256> notes_seen_;
  std::vector<std::unique_ptr<Law>> laws_;
};

}  // namespace holdfast::audit
