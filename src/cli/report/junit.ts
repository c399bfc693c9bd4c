/**
 * Checks as JUnit's XML, in the form that Jenkins, GitLab and others read: a testsuite of testcases, each with a failure or an error
 * if it has one, and the settings as properties.
 */
import XmlBuilder from 'fast-xml-builder';
import { type Check, type CheckReport, errorProblem } from './checks.ts';

/** What XML 1.0 cannot say, not even escaped: control characters, halves of surrogate pairs, two non-characters. */
const UNSAYABLE = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu;
const sayable = (text: string): string => text.replace(UNSAYABLE, '\u{FFFD}');

const BUILDER = new XmlBuilder({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  textNodeName: 'text',
  format: true,
  suppressEmptyNode: true,
  // A value of 'true' is said too.
  suppressBooleanAttributes: false,
});

function testcase(command: string, { group, name, seconds, problems }: Check): object {
  const [first] = problems;
  const told = first && {
    '@message': sayable(first.message),
    '@type': first.type,
    text: sayable(problems.map(({ text }) => text).join('\n\n')),
  };
  return {
    '@classname': `dmrace.${command}.${group}`,
    '@name': sayable(name),
    ...(seconds === undefined ? {} : { '@time': seconds.toFixed(3) }),
    ...(first === undefined ? {} : { [first.kind]: told }),
  };
}

export function junitText({ command, settings, checks, stopped }: CheckReport): string {
  const problems = stopped === null ? [] : [errorProblem(stopped)];
  const all = stopped === null ? checks : [...checks, { group: 'harness', name: 'the run goes to its end', problems }];
  const count = (kind: string): number => all.filter((check) => check.problems[0]?.kind === kind).length;
  const property = Object.entries(settings)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => ({ '@name': name, '@value': sayable(String(value)) }));
  const totals = {
    '@name': `dmrace ${command}`,
    '@tests': all.length,
    '@failures': count('failure'),
    '@errors': count('error'),
  };
  const testsuite = {
    ...totals,
    ...(property.length > 0 ? { properties: { property } } : {}),
    testcase: all.map((check) => testcase(command, check)),
  };
  const head = { '@version': '1.0', '@encoding': 'UTF-8' };
  return BUILDER.build({ '?xml': head, testsuites: { ...totals, testsuite } });
}
