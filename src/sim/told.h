// What the simulation tells the auditor: requests, replies, pages and disks, in the auditor's words.
#pragma once

#include "audit/auditor.h"
#include "sim/chain.h"

namespace holdfast::sim {

audit::ChainFacts facts_of(const chain::ChainFile& file);
audit::MachineFacts facts_of(const std::string& chain, const Machine& machine);
audit::WriteId id_of(const fold::WriteRequest& request);
audit::Asked asked_of(const fold::WriteRequest& request);
audit::Answer answer_of(const std::string& machine, const fold::Taken& taken);
audit::Files files_of(const SimDisk& disk);  // read when they are looked at
audit::Told told_by(const Machine& machine, std::uint64_t unanswered);

}  // namespace holdfast::sim
