// Signed notes and checkpoints from peers: what is read is written back byte for byte, for signatures are over bytes.
#include "core/journal/note.h"
#include "test/fuzz/fuzz.h"

using namespace holdfast;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text(fuzz::bytes_of(data, size));
  if (const auto note = journal::parse_note(text)) {
    HF_CHECK(journal::to_text(*note) == text, "the note changes when it is written back");
    const PublicKey key{};
    HF_CHECK(!journal::open_checkpoint(text, key), "a checkpoint opens under a key that has signed nothing");
  }
  if (const auto checkpoint = journal::parse_checkpoint(text)) {
    HF_CHECK(journal::checkpoint_text(*checkpoint) == text, "the checkpoint changes when it is written back");
  }
  return 0;
}
