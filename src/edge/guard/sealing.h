// What is done about a seal beside ending the links: the helper that sets the host's packet filter, and the probe from
// our own end. And what is said of it, exactly: what was done, what was proved, what was not.
//
// Shape:  the helper (src/sealer) speaks over a Unix socket, one word and one answer a connection: "seal", "unseal",
//         "status". Without it the application refuses everything by itself, and that is what is told.
//         The probe dials each peer and each address of guard.toml from here: after a seal none may answer. A name is
//         not dialled, because it would ask DNS, which is outside as well; that is told, and proves nothing. What is
//         proved is our end alone; the other end is "unreachable from here".
// Errors: guard/no_helper, guard/helper_failed: told, never fatal.
// Thread: any; ask_helper and probe wait, at most `patience`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/base/values.h"

namespace holdfast::guard {

Result<std::string> ask_helper(const std::string& socket, std::string_view verb, Duration patience = seconds(3));

struct Probed {
  std::string name, address;
  bool dialled = false;  // a name was not
  bool answered = false;
};
// All at once; one that does not answer within `patience` did not.
std::vector<Probed> probe(std::vector<Probed> targets, Duration patience);

enum class OurEnd : std::uint8_t { not_proved, proved, answers };
// not_proved: nobody was dialled.
OurEnd our_end(const std::vector<Probed>& probed);
std::string_view to_text(OurEnd end);
// "Proved …", in one or two sentences.
std::string told(const std::vector<Probed>& probed);

}  // namespace holdfast::guard
