// The importers. Each reads what is in `root` and gives it to the sink; a split that the user asks for and that is not there is an error.
#pragma once

#include "import_sink.h"

namespace pal {

void import_esc50(const ImportOptions& options, ImportSink& sink);
void import_vocalsound(const ImportOptions& options, ImportSink& sink);
void import_dcase2017(const ImportOptions& options, ImportSink& sink);
void import_fsd50k(const ImportOptions& options, ImportSink& sink);
void import_audioset(const ImportOptions& options, ImportSink& sink);
void import_audiocaps(const ImportOptions& options, ImportSink& sink);
void import_clotho(const ImportOptions& options, ImportSink& sink);
void import_openaqa(const ImportOptions& options, ImportSink& sink);

}  // namespace pal
