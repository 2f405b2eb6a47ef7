/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/sources.h"
#include "cli/config.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int sw_words_add(struct sw_words *words, const char *word)
{
	const char **grown = reallocarray(words->word, words->count + 1, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	grown[words->count++] = word;
	words->word = grown;
	return 0;
}

void sw_sources_free(struct sw_sources *sources)
{
	free(sources->zones.word);
	free(sources->zone_lists.word);
	free(sources->listens.word);
	free(sources->xdps.word);
	memset(sources, 0, sizeof(*sources));
}

static int add_zone(struct sw_settings *settings, const char *word, char *why)
{
	char reason[SW_WHY_TEXT_MAX];
	const char *equals = strchr(word, '=');
	if (equals == NULL || equals == word) {
		snprintf(why, SW_WHY_TEXT_MAX, "--zone %.300s: ORIGIN=FILE expected", word);
		return -EINVAL;
	}
	char *apex = strndup(word, (size_t)(equals - word));
	if (apex == NULL)
		return -ENOMEM;
	int err = sw_settings_add_zone(settings, apex, equals + 1, "--zone", reason);
	free(apex);
	if (err == -EINVAL)
		snprintf(why, SW_WHY_TEXT_MAX, "--zone %.100s: %.300s", word, reason);
	return err;
}

typedef int add_fn(struct sw_settings *settings, const char *word, char *why);

static int add_each(struct sw_settings *settings, const struct sw_words *words, const char *option,
	add_fn *add, char *why)
{
	char reason[SW_WHY_TEXT_MAX];
	for (size_t i = 0; i < words->count; i++) {
		int err = add(settings, words->word[i], reason);
		if (err == -EINVAL)
			snprintf(why, SW_WHY_TEXT_MAX, "%s: %.400s", option, reason);
		if (err != 0)
			return err;
	}
	return 0;
}

static int read_all(const struct sw_sources *sources, struct sw_settings *settings, char *why)
{
	int err = sources->file ? sw_config_read(sources->file, settings, why) : 0;
	for (size_t i = 0; err == 0 && i < sources->zones.count; i++)
		err = add_zone(settings, sources->zones.word[i], why);
	for (size_t i = 0; err == 0 && i < sources->zone_lists.count; i++)
		err = sw_config_read_zone_list(sources->zone_lists.word[i], settings, why);
	if (sources->listens.count > 0)
		sw_settings_clear_listen(settings);
	if (sources->xdps.count > 0)
		sw_settings_clear_xdp(settings);
	if (err == 0)
		err = add_each(settings, &sources->listens, "--listen", sw_settings_add_listen, why);
	if (err == 0)
		err = add_each(settings, &sources->xdps, "--xdp", sw_settings_add_xdp, why);
	if (err == 0 && sources->pin != NULL) {
		free(settings->pin);
		settings->pin = strdup(sources->pin);
		err = settings->pin ? 0 : -ENOMEM;
	}
	if (err == 0 && sources->control != NULL) {
		free(settings->control);
		settings->control = strdup(strcmp(sources->control, "none") == 0 ? "" : sources->control);
		err = settings->control ? 0 : -ENOMEM;
	}
	return err ? err : sw_settings_finish(settings, why);
}

int sw_sources_read(const struct sw_sources *sources, struct sw_settings **settings, char *why)
{
	struct sw_settings *fresh = sw_settings_new();
	why[0] = '\0';
	int err = fresh ? read_all(sources, fresh, why) : -ENOMEM;
	if (err != 0) {
		if (why[0] == '\0')
			snprintf(why, SW_WHY_TEXT_MAX, "%s", strerror(-err));
		sw_settings_free(fresh);
		return err;
	}
	*settings = fresh;
	return 0;
}
