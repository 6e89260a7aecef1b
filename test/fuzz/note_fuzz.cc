// Signed notes, checkpoints and cosignatures from peers: what is read is written back byte for byte, for signatures are
// over bytes; and nobody but the holders of the keys makes one that holds.
#include "core/chain/test_chain.h"
#include "core/journal/note.h"
#include "core/journal/peek.h"
#include "test/fuzz/fuzz.h"

namespace holdfast::fuzz {
namespace {

const Origin note_origin{"holdfast.example/acme", SiteName("store-07"), 1};
const std::string note_mirror = "holdfast.example/acme/head-office";
const chain::testing::TestKey& log_key() {
  static const chain::testing::TestKey key("log");
  return key;
}
const chain::testing::TestKey& cosign_key() {
  static const chain::testing::TestKey key("cosign");
  return key;
}
journal::Checkpoint signed_size(std::uint64_t size) { return {note_origin, size, leaf_hash(as_bytes("root"))}; }
std::string cosigned_note() {
  auto made = journal::sign_checkpoint(signed_size(17), log_key().pub, log_key().signer());
  made.note.signatures.push_back(journal::cosign(made.checkpoint, note_mirror, cosign_key().pub,
                                                 Instant{1'700'000'000'000'000'000}, cosign_key().signer()));
  return journal::to_text(made.note);
}
bool was_signed(const journal::Checkpoint& checkpoint) {
  return checkpoint == signed_size(17) || checkpoint == signed_size(0);
}

}  // namespace

void fuzz_note(ByteView in) {
  const std::string_view text = as_text(in);
  const Allocations allocations;
  const auto note = journal::parse_note(text);
  check_peak(allocations, in.size(), 16);
  if (note) {
    HF_CHECK(journal::to_text(*note) == text, "the note changes when it is written back");
    HF_CHECK(!journal::open_checkpoint(text, PublicKey{}), "a checkpoint opens under a key that has signed nothing");
    const auto opened = journal::open_checkpoint(text, log_key().pub);
    HF_CHECK(!opened || was_signed(opened->checkpoint), "a checkpoint that nobody has signed opens");
  }
  if (const auto checkpoint = journal::peek_checkpoint(text)) {
    for (const journal::NoteSignature& line : note->signatures) {
      const auto at = journal::verify_cosignature(*checkpoint, line, note_mirror, cosign_key().pub);
      HF_CHECK(!at || !*at || was_signed(*checkpoint), "a cosignature that nobody has given holds");
    }
  }
  if (const auto checkpoint = journal::parse_checkpoint(text)) {
    HF_CHECK(journal::checkpoint_text(*checkpoint) == text, "the checkpoint changes when it is written back");
  }
}

Seeds seeds_of_note() {
  const auto empty = journal::sign_checkpoint(signed_size(0), log_key().pub, log_key().signer());
  return {text_seed("cosigned", cosigned_note()), text_seed("empty-journal", journal::to_text(empty.note)),
          text_seed("checkpoint", journal::checkpoint_text(signed_size(17)))};
}

}  // namespace holdfast::fuzz
