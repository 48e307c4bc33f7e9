import { Type } from '@sinclair/typebox'
import { EXAMPLES } from './api-examples.ts'
import { inPath, type Operation, ok, PAGE, query } from './api-operation.ts'
import { noticePageSchema, noticeSchema, templatePageSchema } from './api-schemas.ts'

/** What the platform says about the firm's own. */
export const NOTICES: readonly Operation[] = [
  {
    id: 'listNotices',
    method: 'get',
    path: '/api/v1/notices',
    tag: 'Notices',
    needs: 'notices.read',
    summary: 'List what the platform said about your numbers, accounts and templates',
    description: 'Newest first. What is not understood here is kept whole all the same, without a severity.',
    parameters: [
      ...PAGE,
      query(
        'severity',
        Type.Union([Type.Literal('info'), Type.Literal('warning'), Type.Literal('critical')]),
        'Only these.',
      ),
      query('field', Type.String(), 'Only of this webhook field.'),
    ],
    answers: ok('A page.', noticePageSchema, EXAMPLES.notices),
    key: 'always',
  },
  {
    id: 'getNotice',
    method: 'get',
    path: '/api/v1/notices/{id}',
    tag: 'Notices',
    needs: 'notices.read',
    summary: 'Read a notice',
    parameters: [inPath('id', 'A notice’s id.')],
    answers: ok('The notice.', noticeSchema, EXAMPLES.notice),
    refuses: ['not_found'],
    key: 'always',
  },
  {
    id: 'listTemplates',
    method: 'get',
    path: '/api/v1/templates',
    tag: 'Notices',
    needs: 'templates.see',
    summary: 'List templates by what the platform said of them',
    description: 'By account, name and language. A template of which nothing was ever said is not here.',
    parameters: PAGE,
    answers: ok('A page.', templatePageSchema, EXAMPLES.templates),
    key: 'always',
  },
]
