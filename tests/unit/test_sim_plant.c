/* SPDX-License-Identifier: MIT */
/*
 * Negative controls: faults planted in mm and in the port, which the simulator
 * has to find. Each tests/mutants/NAME.patch with the line
 *
 *     Killed-by: sim SCENE
 *
 * has been built into a program of its own (tests/unit/sim.mk); it plays the
 * scene until a seed fails. A patch that no longer fits fails its test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER      "tests/mutants"
#define SEEDS_MAX   1000u
#define PLANTS_MIN  20u
#define PLANTS_MAX  96u
#define PATH_LENGTH 512u

struct plant {
	char name[80];
	char scene[32];
	char what[160];
	unsigned seeds; /* needed; 0: not found */
	char text[240]; /* the failure */
};

static struct plant plants[PLANTS_MAX];
static unsigned plant_count;
static char programs[PATH_LENGTH]; /* where the built ones are */

/* The rest of the line after a key; false when it is another line. */
static bool
header(const char *line, const char *key, char *out, size_t n)
{
	size_t length = strlen(key);

	if (strncmp(line, key, length) != 0)
		return false;
	(void)snprintf(out, n, "%s", line + length);
	out[strcspn(out, "\n")] = '\0';
	return true;
}

/* True when the patch is one for the simulator. */
static bool
plant_read(const char *file, struct plant *p)
{
	char path[PATH_LENGTH], line[512];
	bool ours = false;
	FILE *f;

	(void)snprintf(path, sizeof(path), FOLDER "/%s", file);
	f = fopen(path, "r");
	if (f == NULL)
		return false;
	(void)snprintf(p->name, sizeof(p->name), "%.*s",
	    (int)(strlen(file) - strlen(".patch")), file);
	while (fgets(line, sizeof(line), f) != NULL &&
	    strncmp(line, "--- ", 4) != 0) {
		(void)header(line, "What: ", p->what, sizeof(p->what));
		if (header(line, "Killed-by: sim ", p->scene, sizeof(p->scene)))
			ours = true;
	}
	(void)fclose(f);
	return ours;
}

static int
by_name(const void *a, const void *b)
{
	const struct plant *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void
plants_find(void)
{
	DIR *dir = opendir(FOLDER);
	const struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		size_t n = strlen(entry->d_name);

		if (n <= 6 || strcmp(entry->d_name + n - 6, ".patch") != 0 ||
		    plant_count == PLANTS_MAX)
			continue;
		if (plant_read(entry->d_name, &plants[plant_count]))
			plant_count++;
	}
	if (dir != NULL)
		(void)closedir(dir);
	qsort(plants, plant_count, sizeof(plants[0]), by_name);
}

/* build/tests/test_sim_plant: the others are in build/sim-plants. */
static void
programs_find(void)
{
	char self[PATH_LENGTH - 32];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		n = 0;
	self[n] = '\0';
	for (unsigned up = 0; up < 2 && strrchr(self, '/') != NULL; up++)
		*strrchr(self, '/') = '\0';
	(void)snprintf(programs, sizeof(programs), "%s/sim-plants", self);
}

/* It has to say "found SEEDS TEXT". */
static void
a_planted_fault_is_found(void **state)
{
	struct plant *p = *state;
	char command[2 * PATH_LENGTH], line[400] = "", word[16] = "";
	unsigned seeds = 0;
	int at = 0;
	FILE *f;

	(void)snprintf(command, sizeof(command), "'%s/%s' %s find %u 2>&1",
	    programs, p->name, p->scene, SEEDS_MAX);
	f = popen(command, "r");
	assert_non_null(f);
	if (fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	(void)pclose(f);
	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%15s %u %n", word, &seeds, &at) == 2)
		(void)snprintf(p->text, sizeof(p->text), "%s", line + at);
	if (strcmp(word, "found") != 0)
		print_error("%s in %s: not found: %s\n  %s\n", p->name,
		    p->scene, line, p->what);
	assert_string_equal(word, "found");
	p->seeds = seeds;
}

static void
C3_at_least_twenty_faults_are_planted(void **state)
{
	(void)state;
	assert_in_range(plant_count, PLANTS_MIN, PLANTS_MAX - 1);
}

static int
print_table(void **state)
{
	(void)state;
	print_message(
	    "\n%-34s %-12s %5s  %s\n", "plant", "scene", "seeds", "found by");
	for (unsigned i = 0; i < plant_count; i++)
		print_message("%-34s %-12s %5u  %.110s\n", plants[i].name,
		    plants[i].scene, plants[i].seeds,
		    plants[i].seeds != 0 ? plants[i].text : "NOT FOUND");
	return 0;
}

int
main(void)
{
	struct CMUnitTest tests[PLANTS_MAX + 1] = {
		cmocka_unit_test(C3_at_least_twenty_faults_are_planted),
	};
	static char names[PLANTS_MAX][100];

	plants_find();
	programs_find();
	for (unsigned i = 0; i < plant_count; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "C3_plant_%.79s",
		    plants[i].name);
		for (char *c = names[i]; *c != '\0'; c++) {
			if (*c == '-')
				*c = '_';
		}
		tests[i + 1] = (struct CMUnitTest){
			.name = names[i],
			.test_func = a_planted_fault_is_found,
			.initial_state = &plants[i],
		};
	}
	return _cmocka_run_group_tests(
	    "sim_plant", tests, plant_count + 1, NULL, print_table);
}
