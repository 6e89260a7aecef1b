// What a snapshot holds below its SHA-256: the state, and the tree of the journal that it stood at; and the record of a
// rebuild. What is read has one form when it is written.
#include "core/chain/test_chain.h"
#include "core/fold/state.h"
#include "core/fold/test_events.h"
#include "core/journal/tree.h"
#include "core/recovery/rebuild.h"
#include "test/fuzz/fuzz.h"

namespace holdfast::fuzz {
namespace {

enum StateForm : std::uint8_t { a_state, a_tree, a_record };

struct NoPeers final : fold::PeerEntries {
  Status scan(const Origin&, EntryIndex, EntryIndex,
              const std::function<Status(EntryIndex, ByteView)>&) const override {
    return fail("sync/missing_entries", "there are none here");
  }
};
// One event of every kind that needs no peer, folded.
fold::State sample_state() {
  fold::State state;
  EntryIndex index = 0;
  for (const fold::Event& event : fold::testing::samples()) {
    if (std::holds_alternative<fold::PeerFollowed>(event.body) ||
        std::holds_alternative<fold::PeerSucceeded>(event.body) ||
        std::holds_alternative<fold::PeerEntryAccepted>(event.body))
      continue;
    if (fold::apply(state, index, event, NoPeers())) ++index;
  }
  fold::PeerPart peer;
  peer.origin = {"example.com/c", SiteName("store-02"), 1};
  peer.size = 17;
  peer.catalogue = state.catalogue;
  peer.stock_total = Quantity{1500};
  state.peers[peer.origin.site] = peer;
  return state;
}

}  // namespace

void fuzz_state(ByteView in) {
  Reader reader(in);
  const std::uint8_t form = reader.u8() % 3;
  const Bytes rest = to_bytes(reader.raw(reader.left()));
  const Allocations allocations;
  if (form == a_state) {
    const auto state = fold::State::decode(rest);
    check_peak(allocations, rest.size(), 256);
    if (!state) return;
    const Bytes written = state->encode();
    const auto again = fold::State::decode(written);
    HF_CHECK(again.has_value(), "a state does not come back: {}", again.error().text);
    HF_CHECK(again->encode() == written, "a state of {} bytes has two forms", written.size());
  } else if (form == a_tree) {
    Reader bytes(rest);
    const auto tree = journal::Tree::decode(bytes);
    check_peak(allocations, rest.size(), 8);
    if (!tree) return;
    Writer written;
    tree->encode(written);
    HF_CHECK(written.size() == rest.size() - bytes.left() &&
                 std::ranges::equal(written.view(), ByteView(rest).first(written.size())),
             "a tree of {} leaves is written otherwise", tree->size());
    (void)tree->root();
  } else {
    const auto record = recovery::decode_record(rest);
    check_peak(allocations, rest.size(), 64);
    if (!record) return;
    const Bytes written = recovery::encode(*record);
    const auto again = recovery::decode_record(written);
    HF_CHECK(again && recovery::encode(*again) == written, "a rebuild's record has two forms");
  }
}

Seeds seeds_of_state() {
  Seeds out = {{"empty", with_first(a_state, fold::State().encode())},
               {"every-kind", with_first(a_state, sample_state().encode())}};
  for (const std::uint64_t leaves : {0, 1, 255, 256, 700}) {
    journal::Tree tree;
    for (std::uint64_t i = 0; i < leaves; ++i) tree.append(leaf_hash(as_bytes(std::to_string(i))));
    Writer written;
    tree.encode(written);
    out.push_back({"tree-" + std::to_string(leaves), with_first(a_tree, written.view())});
  }
  recovery::Record record;
  record.choice.old_origin = {"example.com/c", SiteName("store-02"), 1};
  record.entries_fetched = 17;
  out.push_back({"record", with_first(a_record, recovery::encode(record))});
  return out;
}

}  // namespace holdfast::fuzz
